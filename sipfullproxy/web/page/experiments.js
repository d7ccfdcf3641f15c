// Experiments: the teacher's switch.

import { ask, change } from "./api.js";
import { h } from "./dom.js";
import { w } from "./words.js";

const OFF = { drop: 0, delay: 0, stateless: false, record_route: true, fork: true };

export async function open(root, _rest, app) {
  const number = (most) => h("input", { type: "number", min: "0", max: String(most), required: true });
  const flag = () => h("input", { type: "checkbox" });
  const fields = { drop: number(100), delay: number(10000), stateless: flag(), record_route: flag(), fork: flag() };
  const words = { drop: "drop", delay: "delay", stateless: "stateless", record_route: "noRecordRoute", fork: "noFork" };
  let shown = "";
  const denied = app.about.change === "here";

  /** What runs, as the fields show it. Those of Record-Route and of forking say what is left out. */
  function fill(running) {
    if (JSON.stringify(running) === shown) return;  // told again; what somebody is typing stays
    shown = JSON.stringify(running);
    for (const name of ["drop", "delay"]) fields[name].value = String(running[name]);
    fields.stateless.checked = running.stateless;
    fields.record_route.checked = !running.record_route;
    fields.fork.checked = !running.fork;
  }

  const wanted = () => ({
    drop: Number(fields.drop.value), delay: Number(fields.delay.value), stateless: fields.stateless.checked,
    record_route: !fields.record_route.checked, fork: !fields.fork.checked,
  });
  const send = async (running) => fill(await change("PUT", "experiments", running));

  root.append(h("div.page", {}, h("h1", {}, w("experiments")), h("p", {}, w("experimentsHint")),
    denied && h("p.note", {}, w("changeHere")),
    h("form.experiments.sheet", { onsubmit: (event) => { event.preventDefault(); send(wanted()).catch(app.trouble); } },
      h("fieldset", { disabled: denied },
        Object.entries(fields).map(([name, input]) => h("label", {}, input, " ", w(words[name]))),
        h("p", {}, h("button.main", {}, w("apply")), " ",
          h("button", { type: "button", onclick: () => send(OFF).catch(app.trouble) }, w("allOff")))))));
  fill(await ask("experiments"));
  return { heard: (kind, data) => kind === "experiments" && fill(data), close: () => root.replaceChildren() };
}
