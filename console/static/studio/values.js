/** How values look: NULL unlike an empty text, times in the reader's zone, ids with the time they were made. */
import { h } from "../dom.js";

/** @typedef {{name: string, type: string, kind: string, nullable: boolean, default: string, comment: string, refers: string, refers_column: string, refers_in_room: boolean, masked: boolean, sortable: boolean, operators: string[]}} Column */
/** @typedef {null | string | {text: string, length: number, masked?: number}} Cell */

const UUID_V7 = /^([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const TIME = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium" });
const COUNT = new Intl.NumberFormat("en");
const COMPACT = new Intl.NumberFormat("en", { notation: "compact" });

/** @param {number} number */
export const grouped = (number) => COUNT.format(number);

/** @param {number} number As `1.1M`. */
export const compact = (number) => COMPACT.format(number);

/** @param {number|null} rows The planner's estimate. */
export const about = (rows) => (rows === null ? "rows unknown" : `~${grouped(rows)} ${rows === 1 ? "row" : "rows"}`);

/** @param {number} bytes */
export function size(bytes) {
  const power = Math.min(3, Math.floor(Math.log2(bytes || 1) / 10));
  const scaled = bytes / 1024 ** power;
  return `${power && scaled < 10 ? scaled.toFixed(1) : Math.round(scaled)} ${["B", "KB", "MB", "GB"][power]}`;
}

/** @param {string} id @returns {Date|null} When a UUIDv7 was made; null for any other. */
export function madeAt(id) {
  const found = UUID_V7.exec(id);
  return found && new Date(parseInt(found[1] + found[2], 16));
}

/** @param {string} text An instant of the server, in UTC. */
export function local(text) {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? text : TIME.format(date);
}

/** @param {Cell} cell @returns {string|null} The text of a value that is whole. */
export const whole = (cell) => (typeof cell === "string" ? cell : null);

/**
 * A value in a list.
 * @param {Cell} cell @param {Column} column @returns {Node}
 */
export function short(cell, column) {
  if (cell === null) return h("span", { class: "null" }, "NULL");
  if (typeof cell !== "string") return cut(cell, column);
  if (cell === "") return h("span", { class: "null", title: "An empty text" }, "''");
  if (column.kind === "instant") return h("time", { datetime: cell, title: cell }, local(cell));
  if (column.kind === "uuid") return h("span", { class: "id", title: told(cell) }, cell.slice(0, 8), h("span", { class: "dim" }, `…${cell.slice(-4)}`));
  if (column.kind === "bool") return h("span", { class: `bool ${cell}` }, cell);
  return h("span", { title: cell.length > 60 ? cell.slice(0, 600) : null }, cell);
}

/** @param {{text: string, length: number, masked?: number}} cell @param {Column} column */
function cut(cell, column) {
  if (cell.masked) return h("span", { class: "masked", title: "Masked; its row shows it" }, "•".repeat(Math.min(8, cell.length)) || "''");
  const unit = column.kind === "bytes" ? size(cell.length) : `${grouped(cell.length)} characters`;
  const text = column.kind === "bytes" ? `\\x${cell.text.slice(0, 16)}` : cell.text;
  return h("span", { title: unit }, text, h("span", { class: "dim" }, ` … ${unit}`));
}

/** @param {string} id An id with when it was made, if it says so. */
function told(id) {
  const made = madeAt(id);
  return made ? `${id}\nmade ${TIME.format(made)}` : id;
}

/**
 * A value in the view of a row: all of it that was sent, and what it means.
 * @param {Cell} cell @param {Column} column @returns {Node[]}
 */
export function long(cell, column) {
  if (cell === null || cell === "") return [short(cell, column)];
  if (typeof cell !== "string") {
    if (cell.masked || column.kind !== "bytes") return [short(cell, column)];
    return [h("code", {}, `\\x${cell.text}`), h("span", { class: "dim" }, ` ${size(cell.length)}`)];
  }
  if (column.kind === "instant") return [h("time", { datetime: cell }, local(cell)), h("span", { class: "dim" }, ` ${cell}`)];
  if (column.kind === "uuid") {
    const made = madeAt(cell);
    return [h("span", { class: "id" }, cell), made && h("span", { class: "dim" }, ` made ${TIME.format(made)}`)].filter((each) => each !== null);
  }
  if (column.kind === "json") return [folded(cell)];
  return [h("span", { class: "text" }, cell)];
}

/** @param {string} text JSON as the server has it: its numbers stay as they are. */
function folded(text) {
  const summary = h("summary", {}, text.length > 80 ? `${text.slice(0, 80)}…` : text);
  return text.length > 80 ? h("details", {}, summary, h("pre", {}, text)) : h("code", {}, text);
}
