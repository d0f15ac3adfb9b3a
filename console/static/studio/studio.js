/** The tab "Tables": the tables of all slices at the left, and what the address names of one. */
import { h } from "../dom.js";
import { read, rowsAt } from "./address.js";
import { ask, refusal } from "./ask.js";
import { showRow } from "./row.js";
import { showRows } from "./rows.js";
import { showStructure } from "./structure.js";
import { showTimeline } from "./timeline.js";
import { compact } from "./values.js";

/** @type {Record<string, (place: HTMLElement, table: string, what: any) => Promise<void>>} */
const VIEWS = { rows: showRows, row: showRow, structure: showStructure, timeline: showTimeline };

const list = h("div", { class: "tables-list" });
const search = /** @type {HTMLInputElement} */ (h("input", {
  type: "search", placeholder: "Filter tables  /", "aria-label": "Filter tables", oninput: () => narrow(),
}));
const place = h("div", { class: "tables-view" });
let shown = 0;

/** @param {HTMLElement} panel */
export function mount(panel) {
  panel.classList.add("studio");
  panel.append(h("nav", { class: "tables-nav", "aria-label": "Tables" }, search, list), place);
  panel.addEventListener("keydown", keys);
  fill();
}

/** @param {string} rest */
export async function show(rest) {
  const { table, view, what } = read(rest);
  const turn = ++shown;
  for (const link of list.querySelectorAll("a")) link.toggleAttribute("aria-current", link.dataset.table === table);
  const next = h("div", {});
  try {
    if (table) await (VIEWS[view] ?? showRows)(next, table, what);
    else next.append(h("p", { class: "empty" }, "Choose a table. Nothing here changes a row."));
  } catch (error) {
    next.replaceChildren(refusal(error));
  }
  // A later address may have been answered sooner.
  if (turn === shown) place.replaceChildren(next);
}

async function fill() {
  try {
    const { slices } = await ask("slices", "");
    list.replaceChildren(...slices.map(slice));
    narrow();
    await show(location.hash.split("/").slice(2).join("/"));
  } catch (error) {
    list.replaceChildren();
    place.replaceChildren(refusal(error));
  }
}

/** @param {any} found */
function slice(found) {
  const links = found.tables.map((/** @type {any} */ table) => {
    const name = `${found.name}.${table.name}`;
    return h("a", { href: rowsAt(name), "data-table": name, title: table.comment },
      h("span", {}, table.name), h("span", { class: "dim" }, table.rows === null ? "" : `~${compact(table.rows)}`));
  });
  return h("section", {}, h("h2", {}, found.name), ...links, found.problem ? h("p", { class: "refusal" }, found.problem) : null);
}

function narrow() {
  const wanted = search.value.trim().toLowerCase();
  for (const link of list.querySelectorAll("a")) link.hidden = !link.dataset.table?.includes(wanted);
}

/** @param {KeyboardEvent} event */
function keys(event) {
  const field = event.target instanceof HTMLElement && event.target.closest("input, select, textarea");
  if (event.key === "Escape" && event.target === search) search.value = "", narrow();
  if (field && event.target !== search) return;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") step(event);
}

/** @param {KeyboardEvent} event Moves between the links of the list, or between the rows of a table. */
function step(event) {
  const inside = event.target === search || list.contains(/** @type {Node} */ (event.target)) ? list : place;
  const links = [.../** @type {NodeListOf<HTMLElement>} */ (inside.querySelectorAll(inside === list ? "a:not([hidden])" : "tbody a.open"))];
  const index = links.indexOf(/** @type {HTMLElement} */ (document.activeElement)) + (event.key === "ArrowDown" ? 1 : -1);
  if (!links[index]) return;
  event.preventDefault();
  links[index].focus();
}
