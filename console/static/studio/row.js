/** One row: all its columns, where its ids lead, and which rows refer to it. */
import { h } from "../dom.js";
import { referred, rowsAt, timelineAt } from "./address.js";
import { ask, structure } from "./ask.js";
import { heading } from "./rows.js";
import { grouped, long, whole } from "./values.js";

/** @typedef {import("./values.js").Column} Column */

/** @param {HTMLElement} place @param {string} table @param {string[]} key */
export async function showRow(place, table, key) {
  const [described, row] = await Promise.all([structure(table), ask("row", table, { key })]);
  /** @type {Map<string, import("./values.js").Cell>} */
  const cells = new Map(described.columns.map((/** @type {Column} */ each, /** @type {number} */ index) => [each.name, row.cells[index]]));
  const room = table === "chat.rooms" ? key[0] : whole(cells.get("room_id") ?? null);
  place.append(
    heading(described, table, "row"),
    h("div", { class: "toolbar" },
      h("span", { class: "id" }, key.join("  ")), h("span", { class: "grow" }),
      room ? h("a", { class: "button quiet", href: timelineAt(room) }, "Room timeline") : null, copy(described.columns, cells)),
    h("dl", { class: "row" }, ...described.columns.flatMap((/** @type {Column} */ each) => entry(each, table, key, cells))),
    h("h3", {}, "Referred to by"),
    h("ul", { class: "referrers" }, ...referrers(row.referrers)));
}

/** @param {Column} column @param {string} table @param {string[]} key @param {Map<string, import("./values.js").Cell>} cells */
function entry(column, table, key, cells) {
  const cell = cells.get(column.name) ?? null;
  const value = h("dd", {}, ...long(cell, column));
  const text = whole(cell);
  if (column.refers && text && column.kind !== "array") {
    value.append(h("a", { class: "follow", href: referred(column, text, cells) }, `→ ${column.refers}`));
  }
  if (cell !== null && typeof cell !== "string" && cell.masked) {
    const button = h("button", { class: "quiet", title: "It is logged that you looked", onclick: reveal }, "Reveal");
    async function reveal() {
      try {
        value.replaceChildren(...long((await ask("reveal", table, { key, column: column.name })).cell, { ...column, masked: false }));
      } catch (error) {
        value.append(` ${/** @type {Error} */ (error).message}`);
      }
    }
    value.append(button);
  }
  return [h("dt", { title: `${column.type}\n${column.comment}` }, column.name, h("span", { class: "dim" }, column.type)), value];
}

/** @param {any[]} found */
function referrers(found) {
  const some = found.filter((each) => each.rows !== 0);
  if (!some.length) return [h("li", { class: "dim" }, "No row of any table.")];
  return some.map((each) => {
    if (each.problem) return h("li", { class: "dim", title: each.problem }, `${each.table}.${each.column}: not counted`);
    const number = each.rows === each.most ? `${grouped(each.rows)} or more` : grouped(each.rows);
    return h("li", {}, h("a", { href: rowsAt(each.table, { filters: each.filters }) }, `${each.table}.${each.column}`), h("span", { class: "dim" }, ` ${number}`));
  });
}

/** @param {Column[]} columns @param {Map<string, import("./values.js").Cell>} cells */
function copy(columns, cells) {
  const button = h("button", { class: "quiet", onclick: write }, "Copy as JSON");
  async function write() {
    const shown = columns.map((each) => [each.name, plain(cells.get(each.name) ?? null)]);
    await navigator.clipboard.writeText(JSON.stringify(Object.fromEntries(shown), null, 2));
    button.textContent = "Copied";
  }
  return button;
}

/** @param {import("./values.js").Cell} cell */
const plain = (cell) => (cell === null || typeof cell === "string" ? cell : cell.masked ? "(masked)" : cell.text);
