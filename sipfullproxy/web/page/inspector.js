// One message, line by line, beside the message that caused it; under each changed line the reason of the change.

import { clock, h } from "./dom.js";
import { w } from "./words.js";

/** told: {message, cause, effects} of the API. call: {id, count of its messages}. Returns what to show. */
export function inspector(told, call) {
  const { message, cause } = told;
  const link = (place, content) => h("a", { href: `#/calls/${call.id}/${place}` }, content);
  const step = (place, sign, word) => place >= 0 && place < call.count
    ? h("a.step-to", { href: `#/calls/${call.id}/${place}`, "aria-label": w(word), "data-focus": word, rel: word === "next" ? "next" : "prev" }, sign) : null;
  const reasons = message.changes.length > 0;
  return [
    h("div.bar", {},
      step(message.place - 1, "↑", "previous"), step(message.place + 1, "↓", "next"),
      h("span.path", {}, `${clock(message.time)}  ${message.sender} → ${message.receiver}`),
      h("a.close", { href: `#/calls/${call.id}`, "aria-label": w("close") }, "✕")),
    h("h2", {}, message.summary),
    message.why && h("p.why", {}, message.why, " ",
      cause && link(cause.place, `${w("cameIn")}: ${cause.start.text}`)),
    message.inward && h("p.note", {}, w("inward")),
    !message.inward && !cause && h("p.note", {}, w("own")),
    !message.inward && cause && !reasons && h("p.note", {}, w("unchanged")),
    cause ? pair(cause, message) : alone(message),
    told.effects.length > 0 && h("p.effects", {}, `${w("effects")}: `,
      told.effects.map((effect) => h("span.chip", {}, link(effect.place, effect.title)))),
    raw(message),
  ];
}

/** The message alone: one column. */
function alone(message) {
  return h("div.lines", {}, lines(message).map((line) => h("div.row", {}, cell(line))));
}

/** Two columns: what came in, what went out. Lines that are the same stand beside each other. */
function pair(cause, message) {
  const rows = aligned(lines(cause), lines(message), message.changes);
  return h("div.lines.pair", {},
    h("div.row.head", {}, h("b", {}, w("cameIn")), h("b", {}, w("wentOut"))),
    rows.flatMap(({ before, after, change }) => [
      h(`div.row${change ? `.${change.kind}` : ""}`, {}, cell(before), cell(after)),
      change && h("p.reason", {}, h("b", {}, w(change.kind)), ": ", change.why, " ",
        change.source && h("cite", {}, change.source)),
    ]));
}

const lines = (message) => [message.start, ...message.headers, ...message.body];

function cell(line) {
  if (!line) return h("code.line.none", { "aria-hidden": "true" });
  const at = line.name && line.text.toLowerCase().startsWith(line.name.toLowerCase()) ? line.name.length : 0;
  const head = at || firstWord(line.text);
  return h("code.line", {},
    line.key ? h("span.word", { "data-word": line.key, tabindex: "0" }, line.text.slice(0, head)) : line.text.slice(0, head),
    line.text.slice(head));
}

/** Where the part of a line ends that carries its explanation: a header's name, a method, "a=rtpmap". */
function firstWord(text) {
  const found = text.match(/^(SIP\/2\.0 \d{3}|[^\s:=]+(=[a-z]+(?=[-:\s]|$))?)/i);
  return found ? found[0].length : text.length;
}

/**
 * Rows of {before, after, change}. Each change stands once, at the line that it made; unchanged lines are matched by
 * their text, in order; what is left on the one side only is a row of its own.
 */
function aligned(befores, afters, changes) {
  const rows = [];
  const told = new Set();
  let position = 0;
  const flush = (end) => {
    while (position < end) {
      const before = befores[position++];
      const index = changes.findIndex((change, number) => !told.has(number) && change.kind === "removed" && same(change.before, before));
      if (index >= 0) told.add(index);
      rows.push({ before, after: null, change: index >= 0 ? changes[index] : null });
    }
  };
  for (const after of afters) {
    const change = after.change === null ? null : changes[after.change];
    const fresh = change && !told.has(after.change) ? change : null;
    if (change) told.add(after.change);
    const twin = change?.kind === "added" ? -1
      : befores.findIndex((before, index) => index >= position && (change ? same(change.before, before) : before.text === after.text));
    if (twin >= 0) {
      flush(twin);
      rows.push({ before: befores[position++], after, change: fresh });
    } else {
      rows.push({ before: null, after, change: fresh });
    }
  }
  flush(befores.length);
  for (const [index, change] of changes.entries()) {
    if (!told.has(index)) rows.push({ before: null, after: null, change });
  }
  return rows;
}

/** Whether a change speaks of that line; it quotes the line, or only its value. */
const same = (quoted, line) => line.text === quoted || (line.name !== "" && line.text.slice(line.name.length + 1).trim() === quoted);

function raw(message) {
  const whole = [message.start, ...message.headers].map((line) => line.text).join("\n")
    + "\n\n" + message.body.map((line) => line.text).join("\n");
  const button = h("button", { type: "button", onclick: async () => {
    await navigator.clipboard?.writeText(whole);
    button.textContent = w("copied");
  } }, w("copy"));
  // The clipboard works for the browser on this machine only: elsewhere the page came without encryption.
  return h("details.raw", {}, h("summary", {}, w("raw")), navigator.clipboard ? button : null, h("pre", { tabindex: "0" }, whole));
}
