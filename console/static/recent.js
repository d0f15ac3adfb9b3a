/** The tab "Recent calls": what the suite logged, live; one call as a timeline over its processes and statements. */
import { duration, h } from "./dom.js";
import { virtualList } from "./list.js";
import { on, session } from "./session.js";

/** @typedef {import("./session.js").Entry} Entry */

const detail = h("section", { class: "trace", "aria-label": "Timeline" });
const filter = h("input", { type: "search", placeholder: "Method, code, process or request id", "aria-label": "Filter calls", spellcheck: "false" });
const list = virtualList({
  label: "Recent calls",
  key: (/** @type {Entry} */ each) => each.n,
  row: (each) => [
    h("span", { class: "at" }, clock(each.end)),
    h("span", { class: `process ${each.process}` }, each.process),
    h("span", { class: "name" }, short(each.method ?? each.text ?? "")),
    h("span", { class: each.code === "OK" ? "ok" : "failed" }, each.code ?? each.level ?? ""),
    h("span", { class: "ms" }, each.ms === undefined ? "" : duration(each.ms)),
  ],
  choose: (each) => { if (each.request_id) location.hash = `#/recent/${encodeURIComponent(each.request_id)}`; },
});
let request = "";

/** @param {HTMLElement} panel */
export function mount(panel) {
  const only = h("p", { class: "none" }, session.suite ? "No calls yet. Make one, or run: seda demo load" : "Calls are recorded for a suite that seda up runs here.");
  panel.append(h("section", { class: "records", "aria-label": "Recent calls" }, h("div", { class: "find" }, filter), list.element, only), detail);
  const draw = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const calls = outermost().filter(([, text]) => words.every((word) => text.includes(word))).map(([each]) => each);
    list.show(calls.reverse());
    only.hidden = calls.length > 0;
  };
  filter.addEventListener("input", draw);
  on("records", () => { draw(); if (request) timeline(); });
  draw();
}

/** Of each request the record that lasted longest, and the words of all of its records to filter by. @returns {[Entry, string][]} */
function outermost() {
  /** @type {Map<string, [Entry, string]>} */
  const found = new Map();
  for (const each of session.records) {
    if (each.kind === "statement" || !each.request_id) continue;
    const words = `${each.method} ${each.text ?? ""} ${each.code} ${each.reason ?? ""} ${each.process} ${each.request_id} `.toLowerCase();
    const [longest, text] = found.get(each.request_id) ?? [each, ""];
    found.set(each.request_id, [(each.ms ?? 0) >= (longest.ms ?? 0) ? each : longest, text + words]);
  }
  return [...found.values()].sort(([one], [other]) => one.end - other.end);
}

/** @param {string} rest A request id, or nothing. */
export function show(rest) {
  request = decodeURIComponent(rest);
  timeline();
}

/** @param {string} name */
const short = (name) => name.replace(/^.*\.(\w+)[./](\w+)$/, "$1/$2");

/** @param {number} at */
const clock = (at) => new Date(at).toISOString().slice(11, 23);

/** Draws the call, its calls of other processes and their statements, each where it lay in time. */
function timeline() {
  const own = session.records.filter((each) => each.request_id === request && each.ms !== undefined);
  const logs = session.records.filter((each) => each.request_id === request && each.kind === "log");
  if (!own.length) {
    const text = request ? "Nothing is logged about this call yet; calls appear when they end." : "Choose a call to see what it did in each process and in the database.";
    detail.replaceChildren(h("p", { class: "none" }, text));
    return;
  }
  const begin = (/** @type {Entry} */ each) => each.end - (each.ms ?? 0);
  const calls = own.filter((each) => each.kind === "call");
  const first = Math.min(...own.map(begin)), last = Math.max(...own.map((each) => each.end));
  // Statements of batches belong to no single call: those that lie within it may have been for it.
  const shared = session.records.filter((each) => each.kind === "statement" && !each.request_id && begin(each) >= first && each.end <= last && calls.some((call) => call.process === each.process));
  const rows = [...calls].sort((one, other) => begin(one) - begin(other) || other.end - one.end).flatMap((call) => [
    call,
    ...[...own, ...shared].filter((each) => each.kind === "statement" && each.process === call.process && (each.request_id ? each.method === call.method : true)).sort((one, other) => begin(one) - begin(other)),
  ]);
  const span = Math.max(last - first, 0.01);
  const statements = rows.filter((each) => each.kind === "statement");
  detail.replaceChildren(
    h("h2", {}, short(rows[0]?.method ?? own[0].method ?? "")),
    h("p", { class: "facts" }, `${clock(first)} UTC · ${duration(last - first)} · ${new Set(calls.map((each) => each.process)).size} processes · ${statements.length} statements in ${duration(statements.reduce((sum, each) => sum + (each.ms ?? 0), 0))}`),
    h("p", { class: "mono id" }, request),
    h("ol", { class: "bars" }, ...rows.map((each) => bar(each, (begin(each) - first) / span, (each.ms ?? 0) / span))),
    ...logs.map((each) => h("p", { class: "log" }, h("span", { class: `process ${each.process}` }, each.process), ` ${each.level} ${each.text}`)));
}

/** @param {Entry} each @param {number} from @param {number} width Parts of the whole. */
function bar(each, from, width) {
  const filled = h("span", { class: `bar ${each.process} ${each.kind}` });
  filled.style.left = `${from * 100}%`;
  filled.style.width = `max(2px, ${width * 100}%)`;
  const rows = each.rows === undefined ? "" : `${each.rows} ${each.rows === 1 ? "row" : "rows"}`;
  const failed = each.code !== undefined && each.code !== "OK" && h("span", { class: "failed" }, `${each.code}${each.reason ? ` ${each.reason}` : ""}`);
  const [service, method] = short(each.method ?? "").split("/");
  const name = each.kind === "call" ? [h("span", { class: `process ${each.process}` }, each.process), ` ${service}/`, h("wbr"), `${method} `, failed] : [each.statement ?? "", each.request_id ? "" : " (shared)"];
  return h("li", { class: each.kind }, h("span", { class: "what" }, ...name), h("span", { class: "rows" }, rows), h("span", { class: "ms" }, duration(each.ms ?? 0)), h("span", { class: "track" }, filled));
}
