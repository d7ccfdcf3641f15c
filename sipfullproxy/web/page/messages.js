// Messages: the latest that passed, of calls and of all else; each opens beside what it was made from.

import { ask, oneAtATime } from "./api.js";
import { clock, h, show } from "./dom.js";
import { inspector } from "./inspector.js";
import { w } from "./words.js";

/** Opens the view. rest: [] or [number of a message]. */
export async function open(root, rest, app) {
  const state = { number: null, paused: false };
  let seen = [];
  let drawn = "";
  const rows = h("ul.passed");
  const button = h("button", { type: "button", onclick: () => {
    state.paused = !state.paused;
    button.textContent = w(state.paused ? "resume" : "pause");
    refresh();
  } }, w("pause"));
  const list = h("section.stage", { "aria-label": w("messages") },
    h("div.headed", {}, h("h2.title", {}, w("messages")), button), h("p.facts", {}, w("messagesHint")), rows);
  const detail = h("section.detail", { "aria-label": w("message") });
  const house = h("div.rooms.messages", {}, h("h1.unseen", {}, w("messages")), list, detail);
  root.append(house);

  const refreshed = oneAtATime(async () => {
    const { number } = state;
    const [latest, told] = await Promise.all([state.paused ? null : ask("messages"), number && ask(`messages/${number}`)]);
    if (number !== state.number) return;
    seen = latest?.messages ?? seen;
    show(rows, seen.length ? seen.map((message) => row(message, number)) : h("li.empty", {}, w("noMessages")));
    if (JSON.stringify(told) === drawn) return;
    drawn = JSON.stringify(told);
    const call = told && seen.find((message) => message.number === Number(number))?.call;
    show(detail, told && inspector(told,
      { count: told.numbers.length, to: (place) => `#/messages/${told.numbers[place]}`, away: "#/messages" },
      call && h("p", {}, h("a", { href: `#/calls/${call}/${told.message.place}` }, w("inLadder")))));
  });
  const refresh = () => refreshed().catch(app.trouble);

  async function move([number = null]) {
    const before = state.number;
    const left = detail.contains(document.activeElement);
    state.number = number;
    house.dataset.depth = number === null ? "0" : "1";
    await refreshed();
    if (number !== before) detail.scrollTop = 0;
    if (number === null && left) rows.querySelector(`[data-focus="m${before}"]`)?.focus();
    // Asked only now: whoever went on by keyboard while it was fetched stays where he is.
    else if (number !== null && !detail.contains(document.activeElement)) detail.querySelector("h2")?.focus({ preventScroll: true });
  }

  await move(rest);
  return {
    move,
    heard: (kind) => ["messages", "again"].includes(kind) && refresh(),
    escape: () => { if (state.number !== null) location.hash = "#/messages"; },
    watches: () => ({ messages: "1" }), close: () => root.replaceChildren(),
  };
}

const row = (message, chosen) => h("li", {}, h("a.card", { href: `#/messages/${message.number}`,
  "data-focus": `m${message.number}`, "aria-current": String(message.number) === chosen ? "true" : null },
h("span.when", {}, clock(message.time)),
h("span.way", {}, message.inward ? `${message.peer} →` : `→ ${message.peer}`),
h("span.who", {}, message.title), h("span.summary", {}, message.summary)));
