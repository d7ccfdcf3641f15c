// Phones: who is registered, and how to add one more.

import { address, ask, change } from "./api.js";
import { duration, h, show, ticking } from "./dom.js";
import { w } from "./words.js";

export async function open(root, _rest, app) {
  const table = h("div.phones");
  root.append(h("div.page", {}, h("h1", {}, w("phones")), table, adding(app)));

  async function load() {
    const { phones, may_change: may } = await ask("phones");
    show(table, phones.length === 0 ? h("p.empty.sheet", {}, w("noPhones")) : h("table.sheet", {},
      h("thead", {}, h("tr", {}, ["user", "from", "phone", "until"].map((word) => h("th", { scope: "col" }, w(word))), may && h("td"))),
      h("tbody", {}, phones.map((phone) => row(phone, may)))));
  }

  function row(phone, may) {
    const remove = async () => {
      if (!confirm(w("removeSure", { who: phone.who }))) return;
      await change("DELETE", `phones/${phone.id}`);
      await load();
    };
    return h("tr", {},
      h("th", { scope: "row", "data-title": w("user") }, phone.who),
      h("td.number", { "data-title": w("from") }, `${phone.address} ${phone.transport.toUpperCase()}`),
      h("td", { "data-title": w("phone"), title: phone.contact }, phone.agent || "?"),
      h("td", { "data-title": w("until") }, ticking("span.number", (now) => duration(phone.until - now))),
      may && h("td", {}, h("button", { type: "button", "data-focus": `remove-${phone.id}`, "aria-label": `${w("remove")}: ${phone.who}`,
        onclick: () => remove().catch(app.trouble) }, w("remove"))));
  }

  await load();
  return { heard: (kind) => ["phones", "again"].includes(kind) && load().catch(app.trouble), close: () => root.replaceChildren() };
}

/** A QR code that sets Linphone up in one scan. */
function adding(app) {
  const code = h("figure.qr");
  const user = h("input", { name: "user", required: true, maxlength: "64", autocomplete: "off", spellcheck: "false" });
  return h("section.adding", {}, h("h2", {}, w("addPhone")), h("p", {}, w("addPhoneHint", { address: app.about.address })),
    h("form.inline", { onsubmit: async (event) => {
      event.preventDefault();
      try {
        const { url } = await ask("provision", { user: user.value });
        show(code, h("img", { src: address("provision.svg", { user: user.value }), alt: `QR: ${url}`, width: "220", height: "220" }),
          h("figcaption", {}, h("code", {}, url)));
      } catch (error) {
        app.trouble(error);
      }
    } }, h("label", {}, w("userName"), " ", user), h("button", {}, w("showQr"))), code);
}
