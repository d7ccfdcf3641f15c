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

/**
 * Show other children in an element. The keyboard stays where it was, and what was unfolded stays so: both are known by
 * their `data-focus`.
 */
export function show(element, ...children) {
  const named = (place) => element.querySelector(`[data-focus="${CSS.escape(place)}"]`);
  const active = document.activeElement;
  const place = element.contains(active) ? active.dataset.focus : null;
  const unfolded = [...element.querySelectorAll("details[open]")].map((one) => one.dataset.focus);
  element.replaceChildren(...children.flat().filter(Boolean));
  for (const one of unfolded) named(one)?.setAttribute("open", "");
  if (place) named(place)?.focus({ preventScroll: true });
}

let ahead = 0;

/** The clock of this browser may differ from that of the proxy, whose times are shown: set it by what that says. */
export function setClock(seconds) {
  ahead = seconds - Date.now() / 1000;
}

/** Wall-clock seconds at the proxy. */
export const now = () => Date.now() / 1000 + ahead;

/** A text that changes with time: said(now) returns it. The page asks each second, see main.js. */
export function ticking(spec, said) {
  const element = h(spec, { "data-tick": "" });
  element.tick = () => { element.textContent = said(now()); };
  element.tick();
  return element;
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
