/** Elements without markup: all text is set as text. */

/**
 * Makes an element. Attributes that are null or false are left out; functions become listeners (`onclick`).
 * @param {string} tag @param {Record<string, any>} [attributes] @param {...(Node|string|null|undefined|false)} children
 * @returns {any}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(.../** @type {(Node|string)[]} */ (children.filter((each) => each || each === "")));
  return element;
}

/**
 * Makes a button that is told apart by its class.
 * @param {string} text @param {(event: Event) => void} onclick @param {Record<string, any>} [attributes]
 */
export const button = (text, onclick, attributes = {}) =>
  h("button", { type: "button", onclick, ...attributes }, text);

/**
 * Makes a menu that opens below its label and closes when something in it, or anything else, is chosen.
 * @param {string} label @param {string} name Its class. @param {...Node} items
 */
export function menu(label, name, ...items) {
  const element = h("details", { class: `menu ${name}` }, h("summary", {}, label), h("div", { class: "items" }, ...items));
  const close = () => { element.open = false; };
  element.addEventListener("toggle", () => {
    const change = element.open ? document.addEventListener : document.removeEventListener;
    change.call(document, "click", close);
  });
  element.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape" || !element.open) return;
    close();
    element.querySelector("summary").focus();
    event.stopPropagation();
  });
  return element;
}

/** Shows a line for a few seconds, and tells it to screen readers. @param {string} text */
export function toast(text) {
  const place = /** @type {HTMLElement} */ (document.getElementById("toast"));
  place.textContent = text;
  place.classList.add("shown");
  clearTimeout(Number(place.dataset.timer));
  place.dataset.timer = String(setTimeout(() => place.classList.remove("shown"), 3500));
}

/** @param {string} text @param {string} what What was copied, for the message. */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    toast(`Copied ${what}`);
  } catch {
    toast("The browser does not let this page copy");
  }
}

/** Breaks a comment of the contract into paragraphs. @param {string} text @returns {HTMLElement[]} */
export const paragraphs = (text) => text.split("\n\n").filter(Boolean).map((each) => h("p", {}, ...code(each)));

/** Sets what stands in backquotes as code. @param {string} text @returns {(string|HTMLElement)[]} */
export const code = (text) => text.split("`").map((part, index) => (index % 2 ? h("code", {}, part) : part));

/** @param {number} ms @returns {string} */
export const duration = (ms) =>
  ms >= 10_000 ? `${(ms / 1000).toFixed(1)} s` : ms >= 100 ? `${Math.round(ms)} ms` : `${ms.toFixed(1)} ms`;

/** @param {number} size @returns {string} */
export const bytes = (size) =>
  size >= 1e6 ? `${(size / 1e6).toFixed(1)} MB` : size >= 1e4 ? `${Math.round(size / 1e3)} kB` : `${size.toLocaleString("en")} B`;
