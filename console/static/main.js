/** The page: its key, its header, its tabs, and which of them is shown. */
import { hasKey, takeKey } from "./api.js";
import { h, toast } from "./dom.js";
import { choose, on, session, start } from "./session.js";

/**
 * A tab's module exports `mount(panel)`, called before the tab is first shown, and may export `show(rest)`, called each
 * time with what follows the tab's name in the address: `#/calls/seda.chat.v1.RoomService/CreateRoom`.
 * @type {{name: string, label: string, load: () => Promise<any>}[]}
 */
const TABS = [
  { name: "calls", label: "Calls", load: () => import("./calls.js") },
  { name: "recent", label: "Recent calls", load: () => import("./recent.js") },
  { name: "tables", label: "Tables", load: () => import("./studio/studio.js") },
];

/** @type {Map<string, {panel: HTMLElement, module: Promise<any>}>} */
const mounted = new Map();

/** Shows what the address names. */
async function route() {
  // A link with a key was opened in this tab.
  if (takeKey()) return location.reload();
  const [name, ...rest] = location.hash.slice(2).split("/");
  const tab = TABS.find((each) => each.name === name) ?? TABS[0];
  for (const link of document.querySelectorAll("#tabs [role=tab]")) {
    link.setAttribute("aria-selected", String(link.id === `tab-${tab.name}`));
  }
  if (!mounted.has(tab.name)) {
    const panel = h("section", { id: tab.name, class: "panel", role: "tabpanel", "aria-labelledby": `tab-${tab.name}` });
    document.getElementById("panels")?.append(panel);
    const module = tab.load().then(async (loaded) => (await loaded.mount(panel), loaded));
    mounted.set(tab.name, { panel, module });
  }
  for (const [each, { panel }] of mounted) panel.hidden = each !== tab.name;
  document.title = `${tab.label} · Seda console`;
  (await mounted.get(tab.name)?.module)?.show?.(rest.join("/"));
}

/** Whom to call as, and the state of the suite. */
function header() {
  const target = h("select", { "aria-label": "Server", onchange: () => choose("target", target.value) },
    ...Object.entries(session.targets).map(([name, address]) => h("option", { value: name, title: address }, name)));
  target.value = session.target;
  const token = h("input", { type: "password", placeholder: "Bearer token", "aria-label": "Bearer token", autocomplete: "off", hidden: true });
  token.addEventListener("input", () => { session.token = token.value; });
  const left = h("span", { class: "left" });
  const groups = [["People", "user"], ["Staff", "moderator", "admin"], ["Services", "service"]];
  const identity = h("select", { "aria-label": "Call as" },
    ...groups.map(([label, ...roles]) => h("optgroup", { label }, ...session.identities.filter((each) => roles.includes(each.role)).map((each) => h("option", { value: each.id, title: each.email }, each.label)))).filter((each) => each.children.length),
    h("option", { value: "token" }, "Paste a token"), h("option", { value: "" }, "Nobody"));
  identity.value = session.identity;
  identity.addEventListener("change", () => {
    token.hidden = identity.value !== "token";
    choose("identity", identity.value);
  });
  const tell = () => {
    const seconds = session.expires === null ? null : session.expires - Date.now() / 1000;
    left.textContent = seconds === null ? "" : seconds > 90 ? `${Math.round(seconds / 60)} min` : `${Math.max(0, Math.round(seconds))} s`;
    left.title = "How long the token of the last call holds; the next one is made in time";
  };
  on("identity", tell);
  setInterval(tell, 10_000);
  const health = h("ul", { class: "health", "aria-label": "Health" });
  const draw = () => health.replaceChildren(...Object.entries(session.health).map(([name, state]) => {
    const good = state === "SERVING" || state === "REACHABLE";
    return h("li", { class: good ? "good" : "bad", title: `${name}: ${state}` }, h("span", { class: "mark", "aria-hidden": "true" }, good ? "●" : "▲"), name, h("span", { class: good ? "hidden" : "state" }, ` ${state.toLowerCase().replace("_", " ")}`));
  }));
  on("health", draw);
  draw();
  const theme = h("button", { type: "button", class: "theme", "aria-label": "Light or dark", title: "Light or dark", onclick: () => {
    const dark = getComputedStyle(document.documentElement).colorScheme === "dark" || (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
    document.documentElement.dataset.theme = dark ? "light" : "dark";
    localStorage.setItem("seda-theme", dark ? "light" : "dark");
  } }, "◐");
  document.getElementById("status")?.append(health, h("label", { class: "who" }, h("span", {}, "as"), identity), token, left, Object.keys(session.targets).length > 1 && h("label", { class: "who" }, h("span", {}, "at"), target), theme);
}

/** Without a key there is nothing to show but where to get it. */
function locked() {
  document.getElementById("panels")?.append(h("div", { class: "welcome" }, h("h2", {}, "Open the printed address"),
    h("p", {}, "This page needs the key that is at the end of the address which ", h("code", {}, "seda up"), " or ", h("code", {}, "seda console"), " printed. It keeps other users of this machine out.")));
}

document.addEventListener("keydown", (event) => {
  const typing = /** @type {HTMLElement} */ (event.target).matches("input,textarea,select");
  const panel = [...mounted.values()].find((each) => !each.panel.hidden)?.panel;
  const tab = event.altKey ? TABS[Number(event.code.replace("Digit", "")) - 1] : undefined;
  if (tab) location.hash = `#/${tab.name}`;
  else if (event.key === "/" && !typing) panel?.querySelector("input[type=search]")?.focus();
  else if (event.key === "Escape") panel?.querySelector("button.cancel:not([hidden])")?.click();
  else return;
  if (event.key !== "Escape") event.preventDefault();
});

document.documentElement.dataset.theme = localStorage.getItem("seda-theme") ?? "";
takeKey();
if (!hasKey()) {
  locked();
} else {
  document.getElementById("tabs")?.append(...TABS.map((tab) => h("a", { id: `tab-${tab.name}`, role: "tab", href: `#/${tab.name}` }, tab.label)));
  start().then(() => {
    header();
    addEventListener("hashchange", route);
    route();
  }, (error) => {
    locked();
    toast(error.message);
  });
}
