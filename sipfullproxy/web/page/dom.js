// Building what is seen. Text from strangers goes in as text nodes only: nothing here reads markup.

/** An element: h("a.chip", {href: "#/calls"}, "text", child, …). Attributes that are null or false are left out. */
export function h(spec, attributes = {}, ...children) {
  const [tag, ...classes] = spec.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Show other children in an element, and leave the keyboard where it was, by the `data-focus` of what had it. */
export function show(element, ...children) {
  const active = document.activeElement;
  const place = element.contains(active) ? active.dataset.focus : null;
  element.replaceChildren(...children.flat().filter(Boolean));
  if (place) element.querySelector(`[data-focus="${CSS.escape(place)}"]`)?.focus({ preventScroll: true });
}

const two = (number) => String(number).padStart(2, "0");

/** Wall-clock seconds as the local time of day, "16:54:44"; with the date in front where it is not today. */
export function clock(seconds) {
  const at = new Date(seconds * 1000);
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return at.toDateString() === new Date().toDateString() ? time : `${day} ${time}`;
}

/** Seconds as "0:05" or "1:02:03". */
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const hours = Math.floor(whole / 3600);
  const rest = `${hours ? two(Math.floor(whole / 60) % 60) : Math.floor(whole / 60)}:${two(whole % 60)}`;
  return hours ? `${hours}:${rest}` : rest;
}

/** The user of "user@domain": what people call each other. */
export const person = (who) => who.split("@")[0] || who;
