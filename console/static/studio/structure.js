/** What a table is made of: columns with their meaning, constraints, and indexes with their size and use. */
import { h } from "../dom.js";
import { rowsAt } from "./address.js";
import { structure } from "./ask.js";
import { heading } from "./rows.js";
import { grouped, size } from "./values.js";

/** @param {HTMLElement} place @param {string} table */
export async function showStructure(place, table) {
  const found = await structure(table);
  place.append(
    heading(found, table, "structure"),
    h("h3", {}, "Columns"),
    tabled(["name", "type", "default", "meaning"], found.columns.map((/** @type {any} */ each) => [
      h("b", {}, each.name), h("span", {}, each.type, each.nullable ? "" : h("span", { class: "dim" }, " never NULL")), h("code", {}, each.default),
      h("span", {}, each.comment, each.refers ? h("a", { class: "follow", href: rowsAt(each.refers) }, `→ ${each.refers}`) : null, each.masked ? h("span", { class: "chip" }, "masked") : null),
    ])),
    h("h3", {}, "Constraints"),
    tabled(["name", "definition"], found.constraints.map((/** @type {any} */ each) => [each.name, h("code", {}, each.definition)])),
    h("h3", {}, "Indexes"),
    tabled(["name", "size", "scans", "definition"], found.indexes.map((/** @type {any} */ each) => [
      each.name, size(each.bytes), grouped(each.scans), h("code", {}, each.definition.replace(/^CREATE (UNIQUE )?INDEX \S+ ON (ONLY )?\S+ /, "$1")),
    ])));
}

/** @param {string[]} heads @param {(string|Node)[][]} rows */
function tabled(heads, rows) {
  if (!rows.length) return h("p", { class: "dim" }, "None.");
  return h("div", { class: "grid whole", tabindex: "0" }, h("table", {},
    h("thead", {}, h("tr", {}, ...heads.map((each) => h("th", { scope: "col" }, each)))),
    h("tbody", {}, ...rows.map((row) => h("tr", {}, ...row.map((each) => h("td", { class: "wrap" }, each)))))));
}
