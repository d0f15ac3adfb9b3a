/** A list of any length that keeps only the rows in sight in the page. */
import { h } from "./dom.js";

const ROW = 28;
const MARGIN = 8;

/**
 * @template T
 * @param {{label: string, row: (item: T) => (Node|string)[], choose: (item: T) => void, key: (item: T) => number}} options
 */
export function virtualList({ label, row, choose, key }) {
  /** @type {T[]} */
  let items = [];
  let chosen = -1;
  const inner = h("div", { class: "inner" });
  const element = h("div", { class: "virtual", role: "listbox", tabindex: "0", "aria-label": label }, inner);

  const draw = () => {
    inner.style.height = `${items.length * ROW}px`;
    const first = Math.max(0, Math.floor(element.scrollTop / ROW) - MARGIN);
    const last = Math.min(items.length, Math.ceil((element.scrollTop + element.clientHeight) / ROW) + MARGIN);
    inner.replaceChildren(...items.slice(first, last).map((item, index) => {
      const selected = key(item) === chosen;
      const option = h("div", {
        class: "option", role: "option", id: `${label}-${key(item)}`.replaceAll(" ", "-"), "aria-selected": String(selected),
        "aria-posinset": first + index + 1, "aria-setsize": items.length, onclick: () => pick(item),
      }, ...row(item));
      option.style.top = `${(first + index) * ROW}px`;
      if (selected) element.setAttribute("aria-activedescendant", option.id);
      return option;
    }));
  };
  const pick = (/** @type {T} */ item) => {
    chosen = key(item);
    const top = items.indexOf(item) * ROW;
    if (top < element.scrollTop) element.scrollTop = top;
    if (top + ROW > element.scrollTop + element.clientHeight) element.scrollTop = top + ROW - element.clientHeight;
    draw();
    choose(item);
  };
  let waiting = false;
  const later = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; draw(); });
  };
  element.addEventListener("scroll", later);
  element.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const at = items.findIndex((each) => key(each) === chosen);
    const to = { ArrowDown: at + 1, ArrowUp: Math.max(0, at - 1), Home: 0, End: items.length - 1, PageDown: at + 10, PageUp: Math.max(0, at - 10) }[event.key];
    if (to === undefined || !items.length) return;
    pick(items[Math.min(to, items.length - 1)]);
    event.preventDefault();
  });
  new ResizeObserver(later).observe(element);
  return {
    element,
    /** Shows other items; stays at the end when it was there. @param {T[]} next @param {boolean} [toEnd] */
    show: (next, toEnd = false) => {
      const atEnd = element.scrollTop + element.clientHeight >= element.scrollHeight - ROW;
      items = next;
      inner.style.height = `${items.length * ROW}px`;
      if (toEnd && atEnd) element.scrollTop = element.scrollHeight;
      later();
    },
  };
}
