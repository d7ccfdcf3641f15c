// Assignment: which points were really shown, with the evidence.

import { address, ask } from "./api.js";
import { h, show } from "./dom.js";
import { w } from "./words.js";

export async function open(root, _rest, app) {
  const list = h("ol.points");
  const name = h("input", { name: "name", maxlength: "100", autocomplete: "name" });
  root.append(h("div.page", {}, h("h1", {}, w("assignment")), h("p", {}, w("assignmentHint")), list,
    h("form.inline", { onsubmit: (event) => {
      event.preventDefault();
      window.open(address("assignment.html", { name: name.value }), "_blank", "noopener");
    } }, h("label", {}, w("yourName"), " ", name), h("button", {}, w("handIn")))));

  async function load() {
    const { points } = await ask("assignment");
    show(list, points.map((point) => h(`li.${point.shown ? "yes" : "no"}`, {},
      h("span.mark", { role: "img", "aria-label": w(point.shown ? "shown" : "notShown") }, point.shown ? "✓" : "○"),
      h("b", {}, point.title), point.shown ? h("ul", {}, point.evidence.map((line) => h("li", {}, line))) : h("p", {}, point.hint))));
  }

  await load();
  return { heard: (kind) => ["calls", "phones", "again"].includes(kind) && load().catch(app.trouble), close: () => root.replaceChildren() };
}
