/** JSON whose numbers keep their digits, and how it is shown. */
import { button, h } from "./dom.js";

const FIRST_ITEMS = 100;
const FIRST_ROWS = 120;
const LONGEST_TEXT = 2_000;
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/** Parses text; numbers stay as they were written. @param {string} text @returns {any} */
export const parse = (text) =>
  // @ts-expect-error - newer than the types
  JSON.parse(text, (_key, value, context) => (typeof value === "number" ? JSON.rawJSON(context.source) : value));

/** @param {any} value @returns {string} */
export const format = (value) => JSON.stringify(value, null, 2);

/** @param {any} value @returns {boolean} Whether it is a number that `parse` has kept. */
// @ts-expect-error - newer than the types
export const isNumber = (value) => typeof value === "number" || JSON.isRawJSON(value);

/** A number as it was typed; other text stays text, for the server to judge. @param {string} text @returns {any} */
// @ts-expect-error - newer than the types
export const number = (text) => (NUMBER.test(text) ? JSON.rawJSON(text) : text);

/** The text of a scalar as a person types it. @param {any} value @returns {string} */
export const shown = (value) => (typeof value === "string" ? value : (value?.rawJSON ?? String(value)));

/**
 * Shows a value as a tree that is unfolded as far as it fits; what is folded costs nothing.
 * @param {any} value
 * @returns {HTMLElement}
 */
export function tree(value) {
  const budget = { rows: FIRST_ROWS };
  return h("div", { class: "tree" }, ...(isGroup(value) ? children(value, budget) : [leaf(null, value)]));
}

/** @param {any} value */
const isGroup = (value) => value !== null && typeof value === "object" && !isNumber(value);

/** @param {any} value @param {{rows: number}} budget @returns {HTMLElement[]} */
function children(value, budget) {
  const entries = Array.isArray(value) ? value.map((each, index) => [index, each]) : Object.entries(value);
  if (!entries.length) return [h("div", { class: "row empty" }, Array.isArray(value) ? "empty list" : "no fields set")];
  /** @param {number} from @returns {HTMLElement[]} */
  const some = (from) => {
    const next = entries.slice(from, from + FIRST_ITEMS);
    budget.rows -= next.length;
    const made = next.map(([key, each]) => (isGroup(each) ? group(key, each, budget) : leaf(key, each)));
    const left = entries.length - from - next.length;
    if (left > 0) {
      const more = button(`${left.toLocaleString("en")} more`, () => more.replaceWith(...some(from + FIRST_ITEMS)), { class: "more" });
      made.push(more);
    }
    return made;
  };
  return some(0);
}

/** @param {string|number} key @param {any} value @param {{rows: number}} budget */
function group(key, value, budget) {
  const size = Array.isArray(value) ? value.length : Object.keys(value).length;
  const hint = Array.isArray(value) ? `${size.toLocaleString("en")} ${size === 1 ? "item" : "items"}` : summary(value);
  const element = h("details", { class: "group" }, h("summary", {}, h("span", { class: "key" }, String(key)), h("span", { class: Array.isArray(value) ? "hint" : "hint sum" }, hint)));
  let filled = false;
  const fill = () => {
    if (filled || !element.open) return;
    filled = true;
    element.append(h("div", { class: "inner" }, ...children(value, budget)));
  };
  element.addEventListener("toggle", fill);
  if (budget.rows > 0) {
    element.open = true;
    fill();
  }
  return element;
}

/** The first texts of an object, to be told apart while it is folded. @param {Record<string, any>} value */
function summary(value) {
  const texts = Object.values(value).filter((each) => !isGroup(each)).slice(0, 3).map((each) => shown(each).slice(0, 40));
  return texts.join(" · ").slice(0, 90);
}

/** @param {string|number|null} key @param {any} value */
function leaf(key, value) {
  const kind = value === null ? "null" : isNumber(value) ? "number" : typeof value;
  const text = shown(value);
  const content = h("span", { class: `value ${kind}` }, text.slice(0, LONGEST_TEXT));
  const row = h("div", { class: "row" }, key !== null && h("span", { class: "key" }, String(key)), content);
  if (text.length > LONGEST_TEXT) {
    row.append(button(`all ${text.length.toLocaleString("en")} characters`, (event) => {
      content.textContent = text;
      /** @type {HTMLElement} */ (event.currentTarget).remove();
    }, { class: "more" }));
  }
  return row;
}
