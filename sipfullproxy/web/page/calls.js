// Calls: the list, the call with its ladder, and the message beside the one that caused it.

import { address, ask, oneAtATime, text } from "./api.js";
import { clock, duration, h, person, show, ticking } from "./dom.js";
import { inspector } from "./inspector.js";
import { w } from "./words.js";

/** Calls that the list has more of each time it is asked to; a list that only grows would be slow by the evening. */
const PAGE = 50;

/** Where one thing stands below the other, and the ladder goes from edge to edge; see style.css. */
const NARROW = matchMedia("(max-width: 900px)");

/** Opens the view. rest: [] or [id of a call] or [id, place of a message]. */
export async function open(root, rest, app) {
  const state = { cards: [], more: false, length: PAGE, query: "", state: "", id: null, place: null, together: false };
  const drawn = { key: "", told: "", steps: 0, id: null, place: null };
  const cards = h("ul.cards");
  const list = h("section.list", { "aria-label": w("calls") }, tools(), cards);
  const stage = h("section.stage", { "aria-label": w("ladder") });
  const detail = h("section.detail", { "aria-label": w("message") });
  const house = h("div.rooms.calls", {}, h("h1.unseen", {}, w("calls")), list, stage, detail);
  root.append(house);

  // -- the list --------------------------------------------------------------------------------------------------------

  const load = oneAtATime(async () => {
    const found = await ask("calls", { query: state.query, state: state.state, limit: state.length });
    state.cards = found.calls;
    state.more = found.more;
    drawList();
  });

  function tools() {
    let waiting;
    const search = h("input.search", {
      type: "search", placeholder: w("search"), "aria-label": w("search"),
      oninput: (event) => {
        clearTimeout(waiting);
        waiting = setTimeout(() => { state.query = event.target.value; anew(); }, 200);
      },
    });
    const choice = h("select", { "aria-label": w("which"), onchange: (event) => { state.state = event.target.value; anew(); } },
      [["", "any"], ["now", "now"], ["over", "past"], ["trouble", "trouble"]].map(([value, word]) => h("option", { value }, w(word))));
    const follow = h("label.follow", {}, h("input", { type: "checkbox", checked: localStorage.getItem("follow") === "yes",
      onchange: (event) => localStorage.setItem("follow", event.target.checked ? "yes" : "no") }), " ", w("follow"));
    const journal = h("p.journal", {}, `${w("journal")}: `,
      ["txt", "csv", "json"].flatMap((kind) => [h("a", { href: address(`journal.${kind}`), download: `journal.${kind}` }, kind), " "]));
    return h("div.filter", {}, search, choice, follow, journal);
  }

  /** Whether there are any calls, as far as can be seen: a search may have hidden them. */
  const any = () => state.cards.length > 0 || Boolean(state.query || state.state);

  function anew() {
    state.length = PAGE;
    load().catch(app.trouble);
  }

  function further() {
    state.length += PAGE;
    load().catch(app.trouble);
  }

  function drawList() {
    show(cards, state.cards.map((card) => cardItem(card, card.id === state.id)),
      !state.cards.length && any() && h("li.empty", {}, w("nothingFound")),
      state.more && h("li", {}, h("button", { type: "button", onclick: further, "data-focus": "more" }, w("more"))));
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
    }
    if (!state.id || changed.some((card) => card.id === state.id)) refresh();
    const fitting = state.cards.filter((card) => fits(card, state.state));
    state.cards = fitting.slice(0, state.length);
    state.more ||= fitting.length > state.length;
    drawList();
  }

  /** A new call opens by itself where nothing else is looked at, or where every new one is to be followed. */
  function begins(card) {
    if (state.id === null || localStorage.getItem("follow") === "yes") location.hash = `#/calls/${card.id}`;
  }

  // -- the call and its message ----------------------------------------------------------------------------------------

  const refreshed = oneAtATime(async () => {
    const { id, place, together } = state;
    const query = together ? { related: "1" } : {};
    const [call, told] = await Promise.all([
      id && ask(`calls/${id}`, query), place === null ? null : ask(`calls/${id}/messages/${place}`, query)]);
    if (!house.isConnected) return;  // the view was left meanwhile
    const key = JSON.stringify([call, together, room(), any()]);
    const picture = call?.messages && key !== drawn.key ? await text(`calls/${id}/ladder.svg`, { ...query, plain: "1", room: room() }) : null;
    if (id !== state.id || place !== state.place || together !== state.together) return;  // then it is asked once more
    if (key !== drawn.key) drawCall(call, picture);
    drawn.key = key;
    drawMessage(told, call);
  });
  const refresh = () => refreshed().catch(app.trouble);

  function drawCall(call, picture) {
    if (!call) {
      show(stage, any() ? h("p.empty", {}, w("pick")) : welcome(app.about.address));
      return;
    }
    const { card, trouble, related } = call;
    const query = state.together ? { related: "1" } : {};
    const kinds = [["pcap", "pcap (Wireshark)"], ["svg", "SVG"], ["mmd", "Mermaid"], ["txt", "text"]];
    const grows = card.id === drawn.id && call.messages > drawn.steps && inSight(stage, [...stage.querySelectorAll(".step")].at(-1));
    show(stage,
      h("a.back", { href: "#/calls" }, `← ${w("calls")}`),
      h("h2.title", { tabindex: "-1", "data-focus": "heading" }, ...pair(card), " ", chip(card)),
      h("p.facts", {}, `${clock(card.began)} · `, lasted(card), ` · ${card.caller} → ${card.callee}`),
      trouble && h("div.trouble", { role: "note" }, h("b", {}, trouble.sentence), trouble.hint && h("p", {}, trouble.hint)),
      related.length > 0 && h("p.related", {}, `${w("related")}: `,
        related.map((other) => h("a.chip", { href: `#/calls/${other.id}` }, `${person(other.caller)} → ${person(other.callee)}`)),
        h("label", {}, h("input", { type: "checkbox", checked: state.together, "data-focus": "together",
          onchange: (event) => { state.together = event.target.checked; refresh(); } }), " ", w("together"))),
      picture ? h("figure.ladder", { "aria-label": w("ladderKeys") }, ladder(card.id, picture)) : h("p.empty", {}, w("gone")),
      h("p.take", {}, `${w("take")}: `, kinds.flatMap(([kind, title]) =>
        [h("a", { href: address(`calls/${card.id}/ladder.${kind}`, query), download: `${person(card.caller)}-${person(card.callee)}.${kind}` }, title), " "])),
      h("details.story", { "data-focus": "story" }, h("summary", {}, w("story")),
        h("ol", {}, call.events.map((event) => h("li", {}, h("time", {}, clock(event.time)), " ", event.text)))));
    if (grows) [...stage.querySelectorAll(".step")].at(-1)?.scrollIntoView({ block: "nearest" });
    if (card.id !== drawn.id) stage.scrollTop = 0;
    drawn.steps = call.messages;
    drawn.id = card.id;
  }

  /** The drawing with life in it. The keyboard enters it at one step, and goes on by arrows. */
  function ladder(id, picture) {
    const parsed = new DOMParser().parseFromString(picture, "image/svg+xml");
    const drawing = document.importNode(parsed.documentElement, true);
    const steps = [...drawing.querySelectorAll(".step")];
    const enter = (step) => steps.forEach((one) => one.setAttribute("tabindex", one === step ? "0" : "-1"));
    enter(steps[state.place ?? 0]);
    for (const [index, step] of steps.entries()) {
      step.dataset.focus = step.id;
      const choose = () => { location.hash = `#/calls/${id}/${index}`; };
      const to = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: steps.length - 1 };
      step.addEventListener("click", choose);
      step.addEventListener("focus", () => enter(step));
      step.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === " ") { state.goOn = true; choose(); }
        else if (event.key in to) steps[to[event.key]]?.focus();
        else return;
        event.preventDefault();
      });
    }
    return drawing;
  }

  /** Pixels of width that the ladder has; it never shrinks below what can be read, but may scroll. */
  function room() {
    const space = getComputedStyle(stage);
    const around = NARROW.matches ? 0 : parseFloat(space.paddingLeft) + parseFloat(space.paddingRight) + 16;
    const inside = stage.clientWidth - around;
    return Math.min(Math.max(Math.floor(inside), 320), 1400);
  }

  function drawMessage(told, call) {
    const leaves = !told && drawn.place !== null && (detail.contains(document.activeElement) || document.activeElement === document.body);
    const other = told && state.place !== drawn.place;
    const anew = JSON.stringify(told) !== drawn.told;
    drawn.told = JSON.stringify(told);
    if (anew) show(detail, told && inspector(told, { count: call.messages, to: (place) => `#/calls/${state.id}/${place}`, away: `#/calls/${state.id}` }));
    for (const step of stage.querySelectorAll(".step")) {
      step.classList.toggle("chosen", step.id === `step-${state.place}`);
      step.classList.toggle("cause", told?.message.cause != null && step.id === `step-${told.message.cause}`);
      if (step.id === `step-${state.place}`) step.setAttribute("aria-current", "true");
      else step.removeAttribute("aria-current");
    }
    if (other) detail.scrollTop = 0;
    if (other && NARROW.matches) detail.scrollIntoView();
    else if (other) stage.querySelector(".step.chosen")?.scrollIntoView({ block: "nearest" });
    if (other && state.goOn) detail.querySelector("h2").focus({ preventScroll: true });
    if (leaves) stage.querySelector(`#step-${drawn.place}`)?.focus({ preventScroll: true });
    state.goOn = false;
    drawn.place = told ? state.place : null;
  }

  async function move(wanted) {
    const [id = null, place = null] = wanted;
    const active = document.activeElement;
    if (id !== state.id) state.together = false;
    state.id = id;
    state.place = place === null ? null : Number(place);
    house.dataset.depth = place !== null ? "2" : id ? "1" : "0";
    const hidden = list.contains(active) && !active.checkVisibility();
    drawList();
    await refreshed();
    if (hidden) stage.querySelector(".title").focus({ preventScroll: true });
  }

  function heard(kind, data) {
    if (kind === "again") load().then(refresh).catch(app.trouble);
    else if (kind === "calls") merge(data.changed);
    else if (kind === "call" && data.id === state.id) refresh();
  }

  const resized = new ResizeObserver(() => {
    clearTimeout(resized.waiting);
    if (resized.width && resized.width !== room()) resized.waiting = setTimeout(refresh, 250);
    resized.width = room();
  });
  resized.observe(stage);

  await load();
  await move(rest);
  return {
    move, heard,
    escape: () => { if (state.place !== null) location.hash = `#/calls/${state.id}`; },
    watches: () => (state.id ? { call: state.id } : {}),
    close: () => { resized.disconnect(); root.replaceChildren(); },
  };
}

function fits(card, wanted) {
  const bad = ["failed", "missed", "busy", "declined"].includes(card.end);
  return !wanted || (wanted === "now" ? card.state !== "over" : wanted === "over" ? card.state === "over" : bad);
}

/** Whether the end of the ladder can be seen: then it stays so while it grows. */
function inSight(room, step) {
  if (!step) return true;
  const box = step.getBoundingClientRect();
  const bounds = room.getBoundingClientRect();
  return box.bottom > bounds.top && box.top < Math.min(bounds.bottom, innerHeight);
}

/** What a page without calls says: how to have one. */
const welcome = (domain) => h("div.welcome", {}, h("img", { src: "/page/icon.svg", alt: "", width: "56", height: "56" }),
  h("h2.title", {}, w("noCalls")), h("p", {}, w("noCallsHint")),
  h("p", {}, w("domain"), ": ", h("code", {}, domain)), h("p", {}, h("a", { href: "#/phones" }, w("addPhone"))));

const pair = (card) => [person(card.caller), h("span.arrow", {}, " → "), person(card.callee)];

function cardItem(card, chosen) {
  return h("li", {}, h("a.card", { href: `#/calls/${card.id}`, "data-focus": card.id, "aria-current": chosen ? "true" : null },
    h("span.who", {}, ...pair(card)), chip(card), h("span.when", {}, clock(card.began), " · ", lasted(card))));
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
  return card.over ? h("span.lasted", {}, duration(card.over - from)) : ticking("span.lasted", (now) => duration(now - from));
}
