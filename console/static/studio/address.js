/** Where a view of the studio is: everything that it shows follows from the address, so that it can be kept and gone back to. */

/** @typedef {{column: string, operator: string, value: string}} Filter */
/** @typedef {{filters?: Filter[], order?: string, descending?: boolean}} Query */

/** @param {string} view @param {string} table @param {unknown} [what] */
const at = (view, table, what) => `#/tables/${table}/${view}${what === undefined ? "" : `/${encodeURIComponent(JSON.stringify(what))}`}`;

/** @param {string} table @param {Query} [query] */
export const rowsAt = (table, query = {}) => at("rows", table, query);
/** @param {string} table @param {string[]} key */
export const rowAt = (table, key) => at("row", table, key);
/** @param {string} table */
export const structureAt = (table) => at("structure", table);
/** @param {string} room */
export const timelineAt = (room) => at("timeline", "chat.rooms", room);

/**
 * @param {string} rest What follows `#/tables/`.
 * @returns {{table: string, view: string, what: any}}
 */
export function read(rest) {
  const [table, view, ...others] = rest.split("/");
  let what = null;
  try {
    what = others.length ? JSON.parse(decodeURIComponent(others.join("/"))) : null;
  } catch {
    // An address that somebody changed by hand: the view without it.
  }
  return { table, view: view || "rows", what };
}

/**
 * Where the row is that a value refers to.
 * @param {import("./values.js").Column} column @param {string} value @param {Map<string, import("./values.js").Cell>} row
 */
export function referred(column, value, row) {
  const filters = [{ column: column.refers_column, operator: "=", value }];
  const room = row.get("room_id");
  if (column.refers_in_room && typeof room === "string") filters.unshift({ column: "room_id", operator: "=", value: room });
  return rowsAt(column.refers, { filters });
}
