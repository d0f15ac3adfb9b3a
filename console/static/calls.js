/** The tab "Calls": methods, the request, the reply. */
import { request } from "./api.js";
import { h, toast } from "./dom.js";
import { replyPane } from "./reply.js";
import { requestPane } from "./request.js";
import { emit, on, session } from "./session.js";
import { sidebar } from "./sidebar.js";

/** @typedef {import("./sidebar.js").Method & import("./form.js").Context & {request: string, response: string, client: string, file: string,
 *   requestFile: string, example: any}} Described */

const list = sidebar();
/** @type {HTMLElement} */
let root;
/** @type {HTMLElement} */
let work;
let shown = "";

/** @param {HTMLElement} panel */
export async function mount(panel) {
  root = panel;
  work = h("div", { class: "work" });
  panel.append(list.element, work);
  on("target", () => { shown = ""; load().then(() => show(decodeURIComponent(location.hash.slice("#/calls/".length)))); });
  let away = false;
  on("health", () => {
    const up = ["SERVING", "REACHABLE"].includes(session.health[session.target]);
    // It may have come back with other methods.
    if (up && away) load();
    away = !up;
  });
  await load();
}

/** Reads what the server offers, again. */
async function load() {
  try {
    const catalog = await (await request(`/api/catalog?target=${encodeURIComponent(session.target)}`)).json();
    list.fill(catalog.services);
    list.mark(shown);
    const banner = /** @type {HTMLElement} */ (document.getElementById("banner"));
    banner.hidden = !catalog.differing.length;
    banner.textContent = `This server's contract is not the one that this console was built with; its comments may not fit: ${catalog.differing.join(", ")}`;
  } catch (error) {
    list.fill([]);
    toast(/** @type {Error} */ (error).message);
  }
}

/** @param {string} rest `service/method`, with `?r=` and a request if there is one. */
export async function show(rest) {
  const [path, query] = rest.split("?");
  root.classList.toggle("chosen", Boolean(path));
  if (!path) {
    work.replaceChildren(welcome());
    shown = "";
    list.mark("");
    return;
  }
  const given = new URLSearchParams(query).get("r");
  if (path === shown && given === null) return;
  try {
    /** @type {Described} */
    const method = await (await request(`/api/method?target=${encodeURIComponent(session.target)}&path=${encodeURIComponent(path)}`)).json();
    const reply = replyPane(method);
    const pane = requestPane(method, reply);
    work.replaceChildren(pane.element, reply.element);
    shown = path;
    list.mark(path);
    document.title = `${method.name} · Seda console`;
    if (given !== null) pane.write(given);
    emit("method");
  } catch (error) {
    work.replaceChildren(h("div", { class: "welcome" }, h("h2", {}, "Not found"), h("p", {}, /** @type {Error} */ (error).message)));
    shown = "";
  }
}

/** What the tab shows before a method is chosen. */
function welcome() {
  const keys = [["/", "filter methods"], ["↑ ↓", "walk through them"], ["Ctrl Enter", "send"], ["Esc", "cancel a call"], ["Alt J", "form or JSON"], ["Alt 1 2 3", "tabs"]];
  return h("div", { class: "welcome" },
    h("h2", {}, "Call any method"),
    h("p", {}, `Choose one on the left. ${session.suite ? "Tokens of the demo people are made for you." : session.targets[session.target]}`),
    h("dl", { class: "keys" }, ...keys.flatMap(([key, what]) => [h("dt", {}, ...key.split(" ").map((each) => h("kbd", {}, each))), h("dd", {}, what)])));
}
