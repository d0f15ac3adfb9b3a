/** The page: its key, its tabs, and which of them is shown. */
import { h } from "./dom.js";
import { takeKey } from "./api.js";

/**
 * A tab's module exports `mount(panel)`, called when the tab is first shown, and may export `show(rest)`, called each
 * time with what follows the tab's name in the address: `#/calls/seda.chat.v1.RoomService/CreateRoom`.
 * @type {{name: string, label: string, load: () => Promise<any>}[]}
 */
const TABS = [
  { name: "tables", label: "Tables", load: () => import("./studio/studio.js") },
];

/** @type {Map<string, {panel: HTMLElement, module: Promise<any>}>} */
const mounted = new Map();

/** Shows what the address names. */
async function route() {
  const [name, ...rest] = location.hash.slice(2).split("/");
  const tab = TABS.find((each) => each.name === name) ?? TABS[0];
  if (!tab) return;
  for (const button of document.querySelectorAll("#tabs [role=tab]")) {
    button.setAttribute("aria-selected", String(button.id === `tab-${tab.name}`));
  }
  if (!mounted.has(tab.name)) {
    const panel = h("section", { id: tab.name, class: "panel", role: "tabpanel", "aria-labelledby": `tab-${tab.name}` });
    document.getElementById("panels")?.append(panel);
    const module = tab.load().then((loaded) => (loaded.mount(panel), loaded));
    mounted.set(tab.name, { panel, module });
  }
  for (const [each, { panel }] of mounted) panel.hidden = each !== tab.name;
  (await mounted.get(tab.name)?.module)?.show?.(rest.join("/"));
}

takeKey();
document.getElementById("tabs")?.append(...TABS.map((tab) =>
  h("a", { id: `tab-${tab.name}`, role: "tab", href: `#/${tab.name}` }, tab.label)));
addEventListener("hashchange", route);
route();
