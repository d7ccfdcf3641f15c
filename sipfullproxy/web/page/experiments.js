// Experiments: the teacher's switch.

import { ask, change } from "./api.js";
import { h } from "./dom.js";
import { w } from "./words.js";

export async function open(root, _rest, app) {
  const running = await ask("experiments");
  const number = (name, most) => h("input", { type: "number", name, min: "0", max: String(most), value: String(running[name]) });
  const flag = (name, on) => h("input", { type: "checkbox", name, checked: on });
  const fields = [
    ["drop", number("drop", 100)], ["delay", number("delay", 10000)], ["stateless", flag("stateless", running.stateless)],
    ["noRecordRoute", flag("record_route", !running.record_route)], ["noFork", flag("fork", !running.fork)],
  ];
  const send = async (event) => {
    event.preventDefault();
    const off = event.submitter?.value === "off";
    const form = event.currentTarget.elements;
    const wanted = off ? { drop: 0, delay: 0, stateless: false, record_route: true, fork: true } : {
      drop: Number(form.drop.value), delay: Number(form.delay.value), stateless: form.stateless.checked,
      record_route: !form.record_route.checked, fork: !form.fork.checked,
    };
    await change("PUT", "experiments", wanted);
    if (off) event.target.reset?.();
  };
  root.append(h("div.page", {}, h("h1", {}, w("experiments")), h("p", {}, w("experimentsHint")),
    h("form.experiments", { onsubmit: (event) => send(event).catch(app.trouble) },
      fields.map(([word, input]) => h("label", {}, input, " ", w(word))),
      h("p", {}, h("button", { value: "on" }, w("apply")), " ", h("button", { value: "off" }, w("allOff"))))));
  return { close: () => root.replaceChildren() };
}
