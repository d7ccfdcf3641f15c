// The frame: sections, language, light or dark, the live line, and which view is open.

import { Unreachable, ask, listen, speak } from "./api.js";
import { h, setClock, show } from "./dom.js";
import { speakWords, w } from "./words.js";
import * as assignment from "./assignment.js";
import * as calls from "./calls.js";
import * as experiments from "./experiments.js";
import * as messages from "./messages.js";
import * as phones from "./phones.js";

const VIEWS = { calls, phones, messages, assignment, experiments };

const at = (id) => document.getElementById(id);

/** What every view may ask for: about (the proxy's own facts), lang, and a way to tell trouble. */
export const app = { about: {}, lang: "sk", trouble };

let view = null;
let stopListening = () => {};

/** Whether something was asked for while the proxy was away. */
let missed = false;

function trouble(error) {
  missed = error instanceof Unreachable;
  show(at("trouble"), h("span", {}, missed ? w("unreachable") : w("failedToLoad", { why: error.message })), " ",
    h("button", { type: "button", "aria-label": w("close"), onclick: calm }, "✕"));
  at("trouble").hidden = false;
}

function calm() {
  missed = false;
  at("trouble").hidden = true;
  at("trouble").replaceChildren();
}

function frame() {
  document.documentElement.lang = app.lang;
  document.querySelector(".skip").textContent = w("skip");
  at("nav").setAttribute("aria-label", w("sections"));
  const [open] = route();
  show(at("nav"), Object.keys(VIEWS).map((name) =>
    h("a", { href: `#/${name}`, "data-focus": name, "aria-current": name === open ? "page" : null }, w(name))));
  at("lang").textContent = w("language");
  at("lang").lang = app.lang === "sk" ? "en" : "sk";
  at("theme").setAttribute("aria-label", w("theme"));
}

function route() {
  const [name, ...rest] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  return [name in VIEWS ? name : "calls", ...rest];
}

async function go() {
  const [name, ...rest] = route();
  frame();
  hideTip();
  calm();
  if (view?.name === name && view.move) {
    await view.move(rest);
  } else {
    view?.close?.();
    at("view").replaceChildren();
    view = null;
    const opened = await VIEWS[name].open(at("view"), rest, app);
    view = { name, ...opened };
  }
  document.title = `${w(name)} · sipfullproxy`;
  hear();
}

/** One stream for what is on the screen now; opened anew when that changes. */
function hear() {
  const query = view?.watches?.() ?? {};
  const wanted = JSON.stringify([query, app.lang]);
  if (hear.wanted === wanted) return;
  hear.wanted = wanted;
  stopListening();
  const names = ["calls", "call", "phones", "messages", "experiments"];
  const tell = (kind) => (data) => {
    if (kind === "experiments") banner(data);
    view?.heard?.(kind, data);
  };
  stopListening = listen(Object.fromEntries(names.map((kind) => [kind, tell(kind)])), (state) => {
    const said = w(state === "open" ? "live" : "lost");
    at("live").className = `live ${state}`;
    if (at("live").textContent !== said) at("live").textContent = said;  // or a screen reader would say it each time
    if (state === "open" && hear.lost) again().catch(trouble);
    hear.lost = state === "lost";
  }, query);
}

/** The proxy was away, and is here. */
async function again() {
  if (missed) await go();
  view?.heard?.("again", {});
}

/** The teacher's experiments are marked loudly, whatever view is open. */
function banner(running) {
  const said = running.said ?? [];
  at("banner").hidden = said.length === 0;
  show(at("banner"), said.length > 0 && [h("a", { href: "#/experiments" }, w("experimentOn")), " ", said.join(" · ")]);
}

// -- tooltips: what a header means, for mouse, finger and keyboard ---------------------------------------------------

let glossary = {};

async function learn() {
  glossary = await ask("glossary");
}

/** Milliseconds that a mouse must rest on a word: who only passes over it wants to see what is below. */
const REST = 200;

let rests;

function hideTip() {
  clearTimeout(rests);
  document.querySelector("[aria-describedby=tip]")?.removeAttribute("aria-describedby");
  if (at("tip").matches(":popover-open")) at("tip").hidePopover();
}

function showTip(target) {
  const word = glossary[target.dataset.word];
  hideTip();
  if (!word) return;
  target.setAttribute("aria-describedby", "tip");
  const tip = at("tip");
  show(tip, h("b", {}, word.title), h("p", {}, word.text), word.source && h("small", {}, word.source));
  tip.showPopover();
  const box = target.getBoundingClientRect();
  const left = Math.min(box.left, innerWidth - tip.offsetWidth - 12);
  const below = box.bottom + tip.offsetHeight < innerHeight;
  tip.style.left = `${Math.max(8, left)}px`;
  tip.style.top = `${below ? box.bottom : Math.max(8, box.top - tip.offsetHeight)}px`;
}

const wordAt = (event) => event.target.closest?.(".word");

document.addEventListener("focusin", (event) => wordAt(event) && showTip(wordAt(event)));
document.addEventListener("focusout", (event) => wordAt(event) && hideTip());
document.addEventListener("mouseover", (event) => {
  const word = wordAt(event);
  if (!word || word.matches("[aria-describedby]")) return;
  clearTimeout(rests);
  rests = setTimeout(() => showTip(word), REST);
});
// It may be pointed at, too: to read a long one in peace, or to copy from it (WCAG 2.2, 1.4.13).
document.addEventListener("mouseout", (event) => {
  const left = wordAt(event) ?? (at("tip").contains(event.target) ? at("tip") : null);
  if (left && !at("tip").contains(event.relatedTarget) && !event.relatedTarget?.closest?.(".word[aria-describedby]")) hideTip();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  if (at("tip").matches(":popover-open")) hideTip();
  else view?.escape?.();
});

// -- what is remembered in this browser ------------------------------------------------------------------------------

function dress(theme) {
  document.documentElement.classList.remove("light", "dark");
  if (theme) document.documentElement.classList.add(theme);
}

at("theme").addEventListener("click", () => {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const chosen = localStorage.getItem("theme") ?? (dark ? "dark" : "light");
  const next = chosen === "dark" ? "light" : "dark";
  localStorage.setItem("theme", next);
  dress(next);
});

async function change(lang) {
  app.lang = lang;
  speak(lang);
  speakWords(lang);
  await learn();
  view?.close?.();
  view = null;
  await go();
}

at("lang").addEventListener("click", () => {
  const next = app.lang === "sk" ? "en" : "sk";
  localStorage.setItem("lang", next);
  change(next).catch(trouble);
});

// -- a second hand for all that lasts --------------------------------------------------------------------------------

setInterval(() => {
  for (const element of document.querySelectorAll("[data-tick]")) element.tick();
}, 1000);

// What stands behind the # is a view here, and no place on it.
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  at("content").focus();
});

addEventListener("hashchange", () => go().catch(trouble));

async function begin() {
  dress(localStorage.getItem("theme"));
  app.about = await ask("about");
  setClock(app.about.time);
  await change(localStorage.getItem("lang") ?? app.about.lang);
  banner(await ask("experiments"));
}

begin().catch(trouble);
