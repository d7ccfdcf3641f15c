// The frame: sections, language, light or dark, the live line, and which view is open.

import { ask, listen, speak } from "./api.js";
import { h, show } from "./dom.js";
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

function trouble(error) {
  show(at("banner"), w("failedToLoad", { why: error.message }));
  at("banner").className = "error";
  at("banner").hidden = false;
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
  at("theme").textContent = "◐";
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
  if (view?.name === name && view.move) {
    await view.move(rest);
  } else {
    view?.close?.();
    at("content").replaceChildren();
    view = null;
    const opened = await VIEWS[name].open(at("content"), rest, app);
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
    at("live").className = `live ${state}`;
    at("live").textContent = w(state === "open" ? "live" : "lost");
    if (state === "open" && hear.lost) view?.heard?.("again", {});
    hear.lost = state === "lost";
  }, query);
}

/** The teacher's experiments are marked loudly, whatever view is open. */
function banner(running) {
  const said = running.said ?? [];
  at("banner").hidden = said.length === 0;
  at("banner").className = "experiment";
  show(at("banner"), h("b", {}, w("experimentOn")), " ", said.join(" · "));
}

// -- tooltips: what a header means, for mouse, finger and keyboard ---------------------------------------------------

let glossary = {};

async function learn() {
  glossary = await ask("glossary");
}

function hideTip() {
  if (at("tip").matches(":popover-open")) at("tip").hidePopover();
}

function showTip(target) {
  const word = glossary[target.dataset.word];
  if (!word) return;
  const tip = at("tip");
  show(tip, h("b", {}, word.title), h("p", {}, word.text), word.source && h("small", {}, word.source));
  if (!tip.matches(":popover-open")) tip.showPopover();
  const box = target.getBoundingClientRect();
  const left = Math.min(box.left, innerWidth - tip.offsetWidth - 12);
  const below = box.bottom + 6 + tip.offsetHeight < innerHeight;
  tip.style.left = `${Math.max(8, left)}px`;
  tip.style.top = `${below ? box.bottom + 6 : Math.max(8, box.top - tip.offsetHeight - 6)}px`;
}

for (const [begin, end] of [["mouseover", "mouseout"], ["focusin", "focusout"]]) {
  document.addEventListener(begin, (event) => {
    const target = event.target.closest?.("[data-word]");
    if (target && target.matches(".word")) {
      target.setAttribute("aria-describedby", "tip");
      showTip(target);
    }
  });
  document.addEventListener(end, (event) => event.target.closest?.(".word") && hideTip());
}
document.addEventListener("keydown", (event) => event.key === "Escape" && hideTip());

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
  const now = Date.now() / 1000 + (app.about.ahead ?? 0);
  for (const element of document.querySelectorAll("[data-tick]")) element.tick?.(now);
}, 1000);

addEventListener("hashchange", () => go().catch(trouble));

async function begin() {
  dress(localStorage.getItem("theme"));
  app.about = await ask("about");
  // The clock of this browser may differ from that of the proxy, whose times are shown.
  app.about.ahead = app.about.time - Date.now() / 1000;
  await change(localStorage.getItem("lang") ?? app.about.lang);
  banner(await ask("experiments"));
}

begin().catch(trouble);
