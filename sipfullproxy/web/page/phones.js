// Phones: who is registered, and how to add one more.

import { address, ask, change } from "./api.js";
import { duration, h, show, ticking } from "./dom.js";
import { w } from "./words.js";

/** Milliseconds between two looks at the bans: they come and go by themselves, and no event tells of them. */
const BANS_EVERY = 2000;

export async function open(root, _rest, app) {
  const table = h("div.phones");
  const banned = h("section.phones");
  let known = "";
  root.append(h("div.page", {}, h("h1", {}, w("phones")), table, banned, adding(app)));

  async function load() {
    const { phones, may_change: may } = await ask("phones");
    show(table, phones.length === 0 ? h("p.empty.sheet", {}, w("noPhones")) : h("table.sheet", {},
      h("thead", {}, h("tr", {}, ["user", "from", "phone", "until"].map((word) => h("th", { scope: "col" }, w(word))), may && h("td"))),
      h("tbody", {}, phones.map((phone) => row(phone, may)))));
    await loadBans();
  }

  async function loadBans() {
    const { bans, may_change: may } = await ask("bans");
    const found = JSON.stringify(bans.map(({ network, until }) => [network, Math.round(until)]));
    if (found === known) return; // or a button would be gone from under somebody's finger
    known = found;
    show(banned, bans.length > 0 && [h("h2", {}, w("banned")), h("table.sheet", {},
      h("thead", {}, h("tr", {}, ["from", "why", "until"].map((word) => h("th", { scope: "col" }, w(word))), may && h("td"))),
      h("tbody", {}, bans.map((ban) => held(ban, may))))]);
  }

  function held({ network, why, until }, may) {
    const lift = async () => {
      if (!confirm(w("liftSure", { network }))) return;
      await change("DELETE", "bans", undefined, { network });
      await loadBans();
    };
    return h("tr", {},
      h("th.number", { scope: "row", "data-title": w("from") }, network),
      h("td", { "data-title": w("why") }, why),
      h("td", { "data-title": w("until") }, ticking("span.number", (now) => duration(Math.max(0, until - now)))),
      may && h("td", {}, h("button", { type: "button", "data-focus": `lift-${network}`, "aria-label": `${w("lift")}: ${network}`,
        onclick: () => lift().catch(app.trouble) }, w("lift"))));
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
  const looking = setInterval(() => document.hidden || loadBans().catch(() => {}), BANS_EVERY); // a lost proxy shows above
  return {
    heard: (kind) => ["phones", "again"].includes(kind) && load().catch(app.trouble),
    close: () => { clearInterval(looking); root.replaceChildren(); },
  };
}

/** A QR code that sets Linphone up in one scan. */
function adding(app) {
  const { address: domain, secure, transports, sockets, ca, logins, change: may } = app.about;
  const once = logins && may !== "here"; // whoever may only look gets a code without a login
  const plain = transports.filter((name) => name !== "tls").map((name) => name.toUpperCase()).join(" / ");
  const ways = [plain && w("way", { address: domain, transports: plain }), secure && w("way", { address: secure, transports: "TLS" })];
  const code = h("figure.qr");
  const user = h("input", { name: "user", required: true, maxlength: "64", autocomplete: "off", spellcheck: "false" });
  const transport = h("select", { name: "transport" }, transports.map((name) => h("option", { value: name }, name.toUpperCase())));
  return h("section.adding", {}, h("h2", {}, w("addPhone")),
    h("p", {}, w("addPhoneHint"), (plain || secure) && ` ${w("byHand", { ways: ways.filter(Boolean).join("; ") })}`),
    sockets.length > 0 && h("p", {}, w("bySocket", { sockets: sockets.join(", ") })),
    h("form.inline", { oninput: () => show(code), onsubmit: async (event) => {
      event.preventDefault();
      show(code); // one user's code must not stand below another's name
      const wanted = { user: user.value, transport: transport.value };
      try {
        const { url } = once ? await change("POST", "links", wanted) : await ask("provision", wanted);
        const drawn = once ? address("links.svg", { token: url.split("/").at(-1) }) : address("provision.svg", wanted);
        show(code, picture(url, drawn), once && h("p", {}, w("worksOnce", wanted)), wanted.transport === "tls" && ca && h("p", {}, w("unchecked")));
      } catch (error) {
        app.trouble(error);
      }
    } }, h("label", {}, w("userName"), " ", user), h("label", {}, w("transport"), " ", transport), h("button", {}, w("showQr"))), code,
    ca && authority(app.about));
}

/** The certificate that a phone needs to know whom it speaks with over TLS, and how it gets there. */
function authority(about) {
  return h("section.adding", {}, h("h2", {}, w("authority")), h("p", {}, w("authorityHint")),
    h("p", {}, h("a", { href: "/ca.crt" }, "ca.crt"), ` ${w("forPhones")} · `, h("a", { href: "/ca.pem" }, "ca.pem"), ` ${w("forPrograms")}`),
    h("p", {}, w("fingerprint"), " ", h("code.fingerprint", {}, about.ca)),
    h("figure.qr", {}, picture(`${about.page}/ca.crt`, address("ca.svg"))),
    h("ul", {}, ["caAndroid", "caIos", "caLinphone", "caDesktop", "caBaresip"].map((device) => h("li", {}, w(device)))));
}

/** A code, and what it says. */
const picture = (url, source) => [
  h("img", { src: source, alt: `QR: ${url}`, width: "220", height: "220" }), h("figcaption", {}, h("code", {}, url)),
];
