/** Requests to the studio's operations, and what is shown where one is refused. */
import { request } from "../api.js";
import { h } from "../dom.js";

/** @type {Map<string, Promise<any>>} */
const structures = new Map();

/**
 * @param {string} operation @param {string} table With its schema, or empty. @param {object} [asked]
 * @returns {Promise<Response>}
 */
export function send(operation, table, asked = {}) {
  const [slice, name] = table.split(".");
  return request(`/api/studio/${operation}`, { ...(table ? { slice, table: name } : {}), ...asked });
}

/** @param {string} operation @param {string} table @param {object} [asked] @returns {Promise<any>} */
export const ask = async (operation, table, asked) => (await send(operation, table, asked)).json();

/** @param {string} table @returns {Promise<any>} Its columns, kept while the page is open. */
export function structure(table) {
  const found = structures.get(table) ?? ask("structure", table);
  structures.set(table, found);
  found.catch(() => structures.delete(table));
  return found;
}

/**
 * @param {any} error @param {(() => void)|null} [anyway] What to do when a costly request is wanted all the same.
 * @returns {HTMLElement}
 */
export function refusal(error, anyway = null) {
  const button = error.anyway && anyway ? h("button", { onclick: anyway }, "Run anyway (5 s)") : null;
  return h("div", { class: "refusal", role: "alert" }, h("p", {}, error.message), button);
}
