// Messages: the latest that passed, of calls and of all else.

import { ask } from "./api.js";
import { clock, h, show } from "./dom.js";
import { w } from "./words.js";

export async function open(root, _rest, app) {
  let paused = false;
  const body = h("tbody");
  const button = h("button", { type: "button", onclick: () => {
    paused = !paused;
    button.textContent = w(paused ? "resume" : "pause");
    if (!paused) load().catch(app.trouble);
  } }, w("pause"));
  root.append(h("div.page", {}, h("h1", {}, w("messages")), h("p", {}, w("messagesHint"), " ", button), h("table.messages", {}, body)));

  async function load() {
    if (paused) return;
    const { messages } = await ask("messages");
    show(body, messages.map((message) => h("tr", {},
      h("td", {}, clock(message.time)),
      h("td.way", {}, message.inward ? `${message.peer} →` : `→ ${message.peer}`),
      h("th", { scope: "row" }, message.call
        ? h("a", { href: `#/calls/${message.call}`, "data-focus": `m${message.number}` }, message.title) : message.title),
      h("td", {}, message.summary))));
  }

  await load();
  return {
    heard: (kind) => ["messages", "again"].includes(kind) && load().catch(app.trouble),
    watches: () => ({ messages: "1" }), close: () => root.replaceChildren(),
  };
}
