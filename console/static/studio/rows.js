/** A page of rows: filters, order, how many there are, and the next page. */
import { h } from "../dom.js";
import { referred, rowAt, rowsAt, structureAt } from "./address.js";
import { ask, refusal, send, structure } from "./ask.js";
import { about, grouped, short, size, whole } from "./values.js";

/** @typedef {import("./values.js").Column} Column */
/** @typedef {import("./address.js").Query} Query */

/** @param {HTMLElement} place @param {string} table @param {Query|null} query */
export async function showRows(place, table, query) {
  const asked = query ?? {};
  const described = await structure(table);
  const more = h("div", { class: "more" });
  const grid = h("div", { class: "grid", tabindex: "0", role: "region", "aria-label": `Rows of ${table}` });
  place.append(heading(described, table, "rows"), toolbar(described, table, asked), grid, more);
  const body = h("tbody", {});
  grid.append(h("table", {}, h("thead", {}, h("tr", {}, ...described.columns.map((/** @type {Column} */ each) => head(each, table, asked)))), body));
  await page(table, described, asked, [], false, body, more);
}

/**
 * @param {any} described @param {string} table @param {string} view
 */
export function heading(described, table, view) {
  const [slice, name] = table.split(".");
  const links = [["rows", "Rows", rowsAt(table)], ["structure", "Structure", structureAt(table)]];
  return h("header", { class: "view-head" },
    h("div", {}, h("h2", {}, h("span", { class: "dim" }, `${slice}.`), name), h("p", { class: "dim" }, described.comment)),
    h("div", { class: "switch" }, ...links.map(([each, label, href]) => h("a", { href, "aria-current": each === view ? "page" : null }, label)),
      described.changed_by ? h("a", { href: `#/calls/${described.changed_by}`, title: `Opens ${described.changed_by}` }, "Change this") : null));
}

/**
 * @param {string} table @param {any} described @param {Query} asked @param {string[]} after @param {boolean} anyway
 * @param {HTMLElement} body @param {HTMLElement} more
 */
async function page(table, described, asked, after, anyway, body, more) {
  /** @param {boolean} wanted @param {string[]} from */
  const next = (wanted, from) => () => page(table, described, asked, from, wanted, body, more);
  try {
    const found = await ask("page", table, { ...asked, after, anyway });
    body.append(...found.rows.map((/** @type {any} */ row) => line(row, described.columns, table)));
    const end = body.childElementCount ? `${grouped(body.childElementCount)} rows, no more` : "No rows";
    more.replaceChildren(found.after.length ? h("button", { onclick: next(anyway, found.after) }, "Next 50 rows") : h("p", { class: "dim" }, end));
  } catch (error) {
    more.replaceChildren(refusal(error, next(true, after)));
  }
}

/** @param {any} row @param {Column[]} columns @param {string} table */
function line(row, columns, table) {
  const cells = new Map(columns.map((each, place) => [each.name, row.cells[place]]));
  return h("tr", {}, ...columns.map((column, place) => {
    const cell = row.cells[place];
    const value = whole(cell);
    const shown = short(cell, column);
    const link = column.refers && value && column.kind !== "array" ? h("a", { href: referred(column, value, cells), title: `To ${column.refers}` }, shown) : shown;
    const opened = place ? link : h("span", { class: "first" }, h("a", { class: "open", href: rowAt(table, row.key), "aria-label": `Open row ${row.key.join(", ")}` }, "›"), link);
    return h("td", { class: column.kind }, opened);
  }));
}

/** @param {Column} column @param {string} table @param {Query} asked */
function head(column, table, asked) {
  const by = asked.order === column.name;
  const sort = by ? (asked.descending ? "descending" : "ascending") : "none";
  const href = rowsAt(table, { ...asked, order: column.name, descending: by && !asked.descending });
  const label = [h("span", {}, column.name), h("span", { class: "sort", "aria-hidden": "true" }, by ? (asked.descending ? " ↓" : " ↑") : "")];
  const title = `${column.type}${column.nullable ? "" : ", never NULL"}\n${column.comment}`;
  return h("th", { scope: "col", class: column.kind, "aria-sort": sort, title }, column.sortable ? h("a", { href }, ...label) : label[0]);
}

/** @param {any} described @param {string} table @param {Query} asked */
function toolbar(described, table, asked) {
  const filters = asked.filters ?? [];
  const count = h("button", { class: "quiet", title: "Counts row by row, for up to 5 s", onclick: exact }, "Count");
  const told = h("span", { class: "dim", role: "status" }, `${filters.length ? "of " : ""}${about(described.rows)}, ${size(described.bytes)}`);
  async function exact() {
    told.textContent = "counting…";
    try {
      const { rows } = await ask("count", table, { filters });
      told.textContent = `exactly ${grouped(rows)} ${rows === 1 ? "row" : "rows"}`;
    } catch (error) {
      told.textContent = /** @type {Error} */ (error).message;
    }
  }
  const chips = filters.map((each, place) => h("a", {
    class: "chip", title: "Remove this filter", href: rowsAt(table, { ...asked, filters: filters.filter((_, other) => other !== place) }),
  }, `${each.column} ${each.operator} ${each.value.length > 40 ? `${each.value.slice(0, 40)}…` : each.value}`.trim(), h("span", { "aria-hidden": "true" }, " ×")));
  const exports = ["csv", "jsonl"].map((format) => h("button", { class: "quiet", title: "Up to 10,000 rows", onclick: () => save(table, asked, format, told) }, format.toUpperCase()));
  return h("div", { class: "toolbar" }, ...chips, form(described.columns, table, asked), h("span", { class: "grow" }), told, count, ...exports);
}

/** @param {Column[]} columns @param {string} table @param {Query} asked */
function form(columns, table, asked) {
  const operator = /** @type {HTMLSelectElement} */ (h("select", { "aria-label": "Operator", onchange: presence }));
  const value = /** @type {HTMLInputElement} */ (h("input", { "aria-label": "Value", placeholder: "value", maxlength: "2048" }));
  const column = /** @type {HTMLSelectElement} */ (h("select", { "aria-label": "Column", onchange: operators },
    ...columns.map((each) => h("option", {}, each.name))));
  function operators() {
    const found = columns[column.selectedIndex];
    const all = [...found.operators, ...(found.nullable ? ["is null", "is not null"] : [])];
    operator.replaceChildren(...all.map((each) => h("option", {}, each)));
    presence();
  }
  function presence() {
    value.hidden = operator.value.startsWith("is ");
  }
  operators();
  return h("form", {
    class: "filter",
    onsubmit: (/** @type {Event} */ event) => {
      event.preventDefault();
      const added = { column: column.value, operator: operator.value, value: value.hidden ? "" : value.value };
      location.hash = rowsAt(table, { ...asked, filters: [...(asked.filters ?? []), added] });
    },
  }, column, operator, value, h("button", {}, "Filter"));
}

/** @param {string} table @param {Query} asked @param {string} format @param {HTMLElement} told */
async function save(table, asked, format, told) {
  try {
    const blob = await (await send("export", table, { ...asked, format, anyway: true })).blob();
    const link = /** @type {HTMLAnchorElement} */ (h("a", { href: URL.createObjectURL(blob), download: `${table}.${format}` }));
    link.click();
    // The browser reads it after this.
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    told.textContent = `${table}.${format} saved, ${size(blob.size)}`;
  } catch (error) {
    told.textContent = /** @type {Error} */ (error).message;
  }
}
