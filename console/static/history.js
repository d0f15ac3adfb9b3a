/** Calls that were made, in this browser's storage and without authorization; and the examples of the documentation. */
import { button, duration, h, menu } from "./dom.js";
import { ids } from "./session.js";

/** @typedef {{path: string, text: string, identity: string, code: string, ms: number, at?: number}} Made */

const KEY = "seda-history";
const MOST = 200;
const LONGEST = 20_000;

/** @returns {Made[]} */
export function history() {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "[]");
  } catch {
    return [];
  }
}

/** Keeps a call: what was asked, never with which token or metadata. @param {Made} made */
export function remind(made) {
  if (made.text.length > LONGEST) return;
  const { path, text, identity, code, ms } = made;
  const kept = [{ path, text, identity, code, ms, at: Date.now() }, ...history()].slice(0, MOST);
  // Storage has a limit of its own.
  for (let most = MOST; most > 1; most = Math.floor(most / 2)) {
    try {
      return localStorage.setItem(KEY, JSON.stringify(kept.slice(0, most)));
    } catch {
      continue;
    }
  }
}

/** The earlier calls of a method, to be taken again. @param {{path: string}} method @param {(text: string) => void} take */
export function historyMenu(method, take) {
  const list = h("div", { class: "earlier" });
  const element = menu("History", "history-menu", list);
  element.addEventListener("toggle", () => {
    const own = history().filter((each) => each.path === method.path);
    const rows = own.map((each) => button("", () => take(each.text)));
    rows.forEach((row, index) => {
      const each = own[index];
      row.append(h("span", { class: each.code === "OK" ? "ok" : "failed" }, each.code || "cancelled"), h("span", { class: "when" }, `${new Date(each.at ?? 0).toLocaleTimeString()} ${each.identity} ${duration(each.ms)}`), h("span", { class: "mono" }, each.text.replace(/\s+/g, " ").slice(0, 80)));
    });
    list.replaceChildren(...(rows.length ? rows : [h("p", { class: "none" }, "No call of this method yet.")]),
      button("Forget all calls", () => localStorage.removeItem(KEY), { class: "forget" }));
  });
  return element;
}

/**
 * Offers the example of a method. Its placeholders, such as `$room_id`, become ids that were seen, as far as there are any.
 * @param {import("./calls.js").Described} method @param {(text: string) => void} take
 */
export function examples(method, take) {
  if (!method.example) return null;
  return button("Example", async () => {
    const text = JSON.stringify(method.example.request, null, 2);
    const names = new Set([...text.matchAll(/"\$([a-z_]+)"/g)].map((each) => each[1]));
    /** @type {Map<string, string>} */
    const found = new Map();
    for (const name of names) found.set(name, (await ids(name))[0]?.[0] ?? "");
    take(text.replaceAll(/"\$([a-z_]+)"/g, (_all, name) => JSON.stringify(name === "request_id" ? crypto.randomUUID() : found.get(name) ?? "")));
  }, { class: "small", title: method.example.about ?? "Fill in the example of the documentation" });
}
