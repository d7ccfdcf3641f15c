// Calls: the list, the call with its ladder, and the message beside the one that caused it.

import { address, ask, text } from "./api.js";
import { clock, duration, h, person, show } from "./dom.js";
import { inspector } from "./inspector.js";
import { w } from "./words.js";

const PAGE = 50;

/** Opens the view. rest: [] or [id of a call] or [id, place of a message]. */
export async function open(root, rest, app) {
  const state = { cards: [], more: false, query: "", state: "", id: null, place: null, call: null, together: false, cause: null };
  const list = h("section.list", { "aria-label": w("calls") });
  const stage = h("section.stage", { "aria-live": "off" });
  const detail = h("section.detail", { "aria-label": w("messages") });
  const house = h("div.calls", {}, list, stage, detail);
  root.append(house);
  const cards = h("ul.cards");
  list.append(tools(), cards);

  async function load() {
    const found = await ask("calls", { query: state.query, state: state.state, limit: PAGE });
    state.cards = found.calls;
    state.more = found.more;
    drawList();
  }

  async function further() {
    const last = state.cards.at(-1);
    const found = await ask("calls", { query: state.query, state: state.state, limit: PAGE, before: last.id });
    state.cards.push(...found.calls);
    state.more = found.more;
    drawList();
  }

  function tools() {
    let waiting;
    const search = h("input", {
      type: "search", placeholder: w("search"), "aria-label": w("search"), "data-focus": "search",
      oninput: (event) => {
        clearTimeout(waiting);
        waiting = setTimeout(() => { state.query = event.target.value; load().catch(app.trouble); }, 200);
      },
    });
    const choice = h("select", {
      "aria-label": w("calls"), "data-focus": "state",
      onchange: (event) => { state.state = event.target.value; load().catch(app.trouble); },
    }, [["", "any"], ["now", "now"], ["over", "past"], ["trouble", "trouble"]].map(([value, word]) =>
      h("option", { value }, w(word))));
    const follow = h("label.follow", {}, h("input", { type: "checkbox", checked: localStorage.getItem("follow") === "yes",
      onchange: (event) => localStorage.setItem("follow", event.target.checked ? "yes" : "no") }), " ", w("follow"));
    const journal = h("p.journal", {}, `${w("journal")}: `,
      ["txt", "csv", "json"].flatMap((kind) => [h("a", { href: address(`journal.${kind}`), download: `journal.${kind}` }, kind), " "]));
    return h("div.filter", {}, search, choice, follow, journal);
  }

  function drawList() {
    const empty = state.query || state.state ? [h("li.empty", {}, w("nothingFound"))]
      : [h("li.empty", {}, h("b", {}, w("noCalls")), h("p", {}, w("noCallsHint")))];
    show(cards, state.cards.length ? state.cards.map((card) => cardItem(card, card.id === state.id)) : empty,
      state.more && h("li", {}, h("button", { type: "button", onclick: () => further().catch(app.trouble), "data-focus": "more" }, w("more"))));
  }

  async function openCall(id) {
    state.id = id;
    state.call = id ? await ask(`calls/${id}`) : null;
    await drawCall();
  }

  async function drawCall() {
    if (!state.call) {
      show(stage, h("p.empty", {}, w("pick")));
      return;
    }
    const { card, trouble, related } = state.call;
    const query = state.together ? { related: "1" } : {};
    const picture = state.call.messages ? await ladder(card.id, query) : h("p.empty", {}, w("gone"));
    const kinds = [["pcap", "pcap (Wireshark)"], ["svg", "SVG"], ["mmd", "Mermaid"], ["txt", "text"]];
    show(stage,
      h("a.back", { href: "#/calls" }, `← ${w("calls")}`),
      h("h1", {}, person(card.caller), h("span.arrow", { "aria-label": "→" }, " → "), person(card.callee), " ", chip(card)),
      h("p.facts", {}, `${clock(card.began)} · `, lasted(card), ` · ${card.caller} → ${card.callee}`),
      trouble && h("div.trouble", { role: "note" }, h("b", {}, trouble.sentence), trouble.hint && h("p", {}, trouble.hint)),
      related.length > 0 && h("p.related", {}, `${w("related")}: `,
        related.map((other) => h("a.chip", { href: `#/calls/${other.id}` }, `${person(other.caller)} → ${person(other.callee)}`)),
        h("label", {}, h("input", { type: "checkbox", checked: state.together, "data-focus": "together",
          onchange: (event) => { state.together = event.target.checked; drawCall().catch(app.trouble); } }), " ", w("together"))),
      h("figure.ladder", { "aria-label": w("ladder") }, picture),
      h("p.take", {}, `${w("take")}: `, kinds.flatMap(([kind, title]) =>
        [h("a", { href: address(`calls/${card.id}/ladder.${kind}`, query), download: `${person(card.caller)}-${person(card.callee)}.${kind}` }, title), " "])),
      h("details.story", {}, h("summary", {}, w("story")),
        h("ol", {}, state.call.events.map((event) => h("li", {}, h("time", {}, clock(event.time)), " ", event.text)))));
    mark();
  }

  async function ladder(id, query) {
    const parsed = new DOMParser().parseFromString(await text(`calls/${id}/ladder.svg`, { ...query, plain: "1", room: room() }), "image/svg+xml");
    const picture = document.importNode(parsed.documentElement, true);
    for (const step of picture.querySelectorAll(".step")) {
      step.dataset.focus = step.id;
      const choose = () => { location.hash = `#/calls/${id}/${step.id.replace("step-", "")}`; };
      step.addEventListener("click", choose);
      step.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(); }
        if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); neighbour(step, event.key); }
      });
    }
    return picture;
  }

  /** Pixels of width that the ladder has; it never shrinks below what can be read, but may scroll. */
  function room() {
    return Math.min(Math.max(Math.floor(stage.clientWidth) - 64, 320), 1400);
  }

  function neighbour(step, key) {
    const steps = [...stage.querySelectorAll(".step")];
    steps[steps.indexOf(step) + (key === "ArrowDown" ? 1 : -1)]?.focus();
  }

  function mark() {
    for (const step of stage.querySelectorAll(".step")) {
      step.classList.toggle("chosen", step.id === `step-${state.place}`);
      step.classList.toggle("cause", state.cause !== null && step.id === `step-${state.cause}`);
    }
  }

  async function openMessage(place) {
    state.place = place;
    state.cause = null;
    if (place === null) {
      show(detail, state.id && h("p.empty", {}, w("pickMessage")));
    } else {
      const told = await ask(`calls/${state.id}/messages/${place}`, state.together ? { related: "1" } : {});
      state.cause = told.message.cause;
      show(detail, inspector(told, { id: state.id, count: state.call.messages }));
      if (matchMedia("(max-width: 900px)").matches) detail.scrollIntoView();
    }
    mark();
  }

  async function move(wanted) {
    const [id = null, place = null] = wanted;
    const other = id !== state.id;
    const wide = house.dataset.depth === "2";
    house.dataset.depth = place !== null ? "2" : id ? "1" : "0";
    if (other) state.together = false;
    if (other || !id || wide !== (place !== null)) await openCall(id);  // drawn anew where its width has changed
    if (other) drawList();
    await openMessage(place === null ? null : Number(place));
  }

  function heard(kind, data) {
    if (kind === "again") {
      load().then(() => state.id && openCall(state.id)).catch(app.trouble);
    } else if (kind === "calls") {
      merge(data.changed);
    } else if (kind === "call" && data.id === state.id) {
      openCall(state.id).catch(app.trouble);
    }
  }

  /** Cards that changed take the place of the old ones; new calls come on top, if no search would hide them. */
  function merge(changed) {
    for (const card of changed) {
      const index = state.cards.findIndex((old) => old.id === card.id);
      if (index >= 0) state.cards[index] = card;
      else if (!state.query && fits(card, state.state)) {
        state.cards.unshift(card);
        if (card.state !== "over") begins(card);
      }
      if (card.id === state.id) openCall(state.id).catch(app.trouble);
    }
    state.cards = state.cards.filter((card) => fits(card, state.state));
    drawList();
  }

  /** A new call opens by itself where nothing else is looked at, or where every new one is to be followed. */
  function begins(card) {
    if (state.id === null || localStorage.getItem("follow") === "yes") location.hash = `#/calls/${card.id}`;
  }

  const resized = new ResizeObserver(() => {
    clearTimeout(resized.waiting);
    if (resized.width && resized.width !== room()) resized.waiting = setTimeout(() => drawCall().catch(app.trouble), 250);
    resized.width = room();
  });
  resized.observe(stage);

  await load();
  await move(rest);
  return { move, heard, watches: () => (state.id ? { call: state.id } : {}), close: () => { resized.disconnect(); root.replaceChildren(); } };
}

function fits(card, wanted) {
  const bad = ["failed", "missed", "busy", "declined"].includes(card.end);
  return !wanted || (wanted === "now" ? card.state !== "over" : wanted === "over" ? card.state === "over" : bad);
}

function cardItem(card, chosen) {
  return h("li", {}, h("a.card", { href: `#/calls/${card.id}`, "data-focus": card.id, "aria-current": chosen ? "true" : null },
    h("span.who", {}, person(card.caller), h("span.arrow", { "aria-label": "→" }, " → "), person(card.callee)), chip(card),
    h("span.when", {}, clock(card.began), " · ", lasted(card))));
}

/** What a call is doing, or how it ended; the word says it, the colour only helps. */
function chip(card) {
  const word = card.state !== "over" ? card.state : card.end || "unknown";
  const marks = [card.held && "held", card.video && "video", card.conference && "conference"].filter(Boolean);
  return h("span.chips", {}, h(`span.chip.${word}`, {}, w(word)), marks.map((mark) => h("span.chip.mark", {}, w(mark))));
}

/** How long they talk, or talked, or it rang; a call that goes on counts by itself. */
function lasted(card) {
  const from = card.answered ?? card.began;
  const element = h("span.lasted", {}, card.over ? duration(card.over - from) : "");
  if (!card.over) {
    element.dataset.tick = "";
    element.tick = (now) => { element.textContent = duration(now - from); };
    element.tick(Date.now() / 1000);
  }
  return element;
}
