// One message, line by line, beside the message that caused it; under each changed line the reason of the change.

import { clock, h } from "./dom.js";
import { w } from "./words.js";

/**
 * What there is to see of a message. told: {message, cause, origin, effects} of the API. way: {count: of the messages
 * that belong together, to: from the place of one to its address on the page, away: the address where no message is
 * open}. more: shown below the heading.
 */
export function inspector(told, way, ...more) {
  const { message, cause, origin } = told;
  words = 0;
  const link = (place, content) => h("a", { href: way.to(place) }, content);
  const step = (place, sign, word) => (place >= 0 && place < way.count
    ? h("a.step-to", { href: way.to(place), "aria-label": w(word), title: w(word), "data-focus": word }, sign)
    : h("span.step-to", { "aria-hidden": "true" }, sign));
  const reasons = message.changes.length > 0;
  return [
    h("div.bar", {},
      step(message.place - 1, "↑", "previous"), step(message.place + 1, "↓", "next"),
      h("span.path", {}, `${clock(message.time)}  ${message.sender} → ${message.receiver}`),
      h("a.close", { href: way.away, "aria-label": w("close"), title: w("close") }, "✕")),
    h("h2", { tabindex: "-1", "data-focus": "summary" }, message.summary),
    ...more,
    message.why && h("p.why", {}, message.why, " ",
      cause && link(cause.place, cause.start.text)),
    message.inward && h("p.note", {}, w("inward")),
    !message.inward && !origin && h("p.note", {}, w("own")),
    !message.inward && origin && !reasons && h("p.note", {}, w("unchanged")),
    origin ? pair(origin, message) : alone(message),
    told.effects.length > 0 && h("p.effects", {}, `${w("effects")}: `,
      told.effects.map((effect) => h("span.chip", {}, link(effect.place, effect.title)))),
    raw(message),
  ];
}

/** The message alone: one column. */
function alone(message) {
  return h("div.lines", {}, lines(message).map((line) => h("div.row", {}, cell(line))));
}

/** Two columns: what it was made from, what went out. Lines that are the same stand beside each other. */
function pair(origin, message) {
  const rows = aligned(lines(origin), lines(message), message.changes);
  return h("div.lines.pair", {},
    h("div.row.head", {}, h("b", {}, w(origin.inward ? "cameIn" : "sentBefore")), h("b", {}, w("wentOut"))),
    rows.flatMap(({ before, after, change }) => [
      h(`div.row${change ? `.${change.kind}` : ""}`, {}, cell(before), cell(after)),
      change && h("p.reason", {}, h("b", {}, w(change.kind)), ": ", change.why, " ",
        change.source && h("cite", {}, change.source)),
    ]));
}

const lines = (message) => [message.start, ...message.headers, ...message.body];

function cell(line) {
  if (!line) return h("code.line.none", { "aria-hidden": "true" });
  const colon = line.name ? line.text.indexOf(":") : -1;
  const head = colon > 0 ? colon : firstWord(line.text);
  return h("code.line", {}, word(line.key, line.text.slice(0, head)), marked(line.text.slice(head), line.terms));
}

/** Words so far: the keyboard finds its one again when the message is shown anew. */
let words = 0;

/** A word with its explanation behind it, if it has one. */
const word = (key, text) => (key ? h("dfn.word", { "data-word": key, "data-focus": `word-${words++}`, tabindex: "0" }, text) : text);

/** The rest of a line; parameters that can be explained are words of their own. terms: "param.branch" … */
function marked(text, terms) {
  const parts = [];
  let rest = text;
  for (const term of terms) {
    const name = term.slice(term.indexOf(".") + 1);
    const found = rest.match(new RegExp(`(?<=[;?&\\s])${name.replace(/[^\w]/g, "\\$&")}(?![\\w-])`, "i"));
    if (!found) continue;
    parts.push(rest.slice(0, found.index), word(term, found[0]));
    rest = rest.slice(found.index + found[0].length);
  }
  return [...parts, rest];
}

/** Where the part of a line ends that carries its explanation: a header's name, a method, "a=rtpmap". */
function firstWord(text) {
  const found = text.match(/^(SIP\/2\.0 \d{3}|a=[a-z-]+|[a-z](?==)|[^\s:=]+)/i);
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
      const index = changes.findIndex((change, number) => !told.has(number) && change.kind === "removed" && quotes(change, before));
      if (index >= 0) told.add(index);
      rows.push({ before, after: null, change: index >= 0 ? changes[index] : null });
    }
  };
  for (const after of afters) {
    const change = after.change === null ? null : changes[after.change];
    const fresh = change && !told.has(after.change) ? change : null;
    if (change) told.add(after.change);
    const twin = change?.kind === "added" ? -1
      : befores.findIndex((before, index) => index >= position && (change ? quotes(change, before) : before.text === after.text));
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

/** Whether that is the line which a change quotes as it was: a header's value, or a part of the first line. */
const quotes = (change, line) => (line.name
  ? line.name === change.header && line.text.slice(line.text.indexOf(":") + 1).trim() === change.before
  : change.before !== "" && line.text.includes(change.before));

function raw(message) {
  const whole = [message.start, ...message.headers].map((line) => line.text).join("\n")
    + "\n\n" + message.body.map((line) => line.text).join("\n");
  const button = h("button", { type: "button", onclick: async () => {
    await navigator.clipboard?.writeText(whole);
    button.textContent = w("copied");
  } }, w("copy"));
  // The clipboard works for the browser on this machine only: elsewhere the page came without encryption.
  return h("details.raw", { "data-focus": "raw" }, h("summary", {}, w("raw")), navigator.clipboard ? button : null, h("pre", { tabindex: "0" }, whole));
}
