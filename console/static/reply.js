/** The reply of a call: its status, its messages, its metadata. */
import { button, bytes, code, copy, duration, h } from "./dom.js";
import { format, tree } from "./json.js";
import { call, remember } from "./session.js";
import { streamView } from "./stream.js";

const FIRST_TEXT = 200_000;
const PIECE = 20_000;

/** @param {import("./calls.js").Described} method */
export function replyPane(method) {
  const status = h("div", { class: "outcome", role: "status" });
  const body = h("div", { class: "body" });
  const element = h("section", { class: "reply", "aria-label": "Reply" }, h("h2", { class: "hidden" }, "Reply"), status, body);
  /** @type {AbortController|null} */
  let running = null;
  let retry = () => {};
  /** @type {(fields: any) => void} */
  let resume = () => {};
  body.append(h("p", { class: "none" }, method.streams ? "The messages of the stream appear here." : "The reply appears here."));

  /** Makes the call and shows what comes; returns its status, null when it was cancelled or never made.
   * @param {string} text @param {{deadline: number|null, metadata: string[][]}} options */
  const run = async (text, options) => {
    running?.abort();
    const own = running = new AbortController();
    const began = performance.now();
    const stream = method.streams ? streamView(method, (fields) => resume(fields)) : null;
    body.replaceChildren(...(stream ? [stream.element] : [h("p", { class: "none waiting" }, "Waiting…")]));
    status.replaceChildren(h("span", { class: "code running" }, stream ? "open" : "sent"));
    let headers = [], message = null, end = null;
    try {
      for await (const line of call(method.path, text, { ...options, signal: own.signal })) {
        if (line.kind === "headers") headers = line.metadata;
        else if (line.kind === "status") end = line;
        else if (stream) stream.add(line);
        else message = line;
        if (line.kind === "message") remember(line.value, method.response.split(".").at(-1));
      }
      if (!end) throw new Error("The console's server ended the call.");
    } catch (error) {
      if (running !== own) return null;
      const cancelled = own.signal.aborted;
      end = { code: cancelled ? 1 : -1, name: cancelled ? "CANCELLED" : "NOT SENT", text: cancelled ? "Cancelled from this page." : /** @type {Error} */ (error).message, ms: performance.now() - began };
    }
    if (running === own) running = null;
    stream?.end();
    const id = options.metadata.find(([name]) => name === "x-request-id")?.[1] ?? "";
    status.replaceChildren(...outcome(end, message?.size, id));
    if (!stream) body.replaceChildren(...(message ? [content(message)] : []));
    if (end.code !== 0) body.prepend(failure(end, () => retry()));
    body.append(metadata(headers, end.metadata ?? []));
    return end;
  };
  return {
    element,
    run,
    cancel: () => running?.abort(),
    onRetry: (/** @type {() => void} */ listener) => { retry = listener; },
    onResume: (/** @type {(fields: any) => void} */ listener) => { resume = listener; },
  };
}

/** @param {any} end @param {number|undefined} size @param {string} id */
function outcome(end, size, id) {
  return [
    h("span", { class: `code ${end.code === 0 ? "ok" : "failed"}` }, `${end.code === 0 ? "✓" : "✕"} ${end.name}`),
    h("span", {}, duration(end.ms)),
    size !== undefined && h("span", {}, bytes(size)),
    h("span", { class: "space" }),
    id && h("a", { href: `#/recent/${encodeURIComponent(id)}`, title: `What the suite logged about ${id}`, class: "to-timeline" }, "Timeline"),
  ].filter(Boolean);
}

/** An error in words. @param {any} end @param {() => void} retry */
function failure(end, retry) {
  const details = end.details ?? {};
  const seconds = details.retry_after;
  const again = seconds !== null && seconds !== undefined && button(`Retry in ${seconds} s`, retry, { class: "small", disabled: true });
  if (again) {
    setTimeout(() => { again.disabled = false; again.textContent = "Retry now"; }, seconds * 1000);
  }
  const facts = [...Object.entries(details.metadata ?? {}), ...(details.domain ? [["domain", details.domain]] : [])];
  return h("div", { class: "failure", role: "alert" },
    h("p", { class: "text" }, end.text || end.name),
    details.reason && h("p", { class: "reason" }, h("code", {}, details.reason), " ", ...code(end.explanation ?? "")),
    details.violations?.length > 0 && h("ul", {}, ...details.violations.map(([field, text]) => h("li", {}, h("code", {}, field), ` ${text}`))),
    facts.length > 0 && h("dl", {}, ...facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    details.request_id && h("p", {}, h("a", { href: `#/recent/${encodeURIComponent(details.request_id)}` }, "Log lines of this call"), h("span", { class: "mono id" }, details.request_id)),
    again);
}

/** A message, as a tree or as text. @param {any} message */
export function content(message) {
  if (message.problem) return h("div", {}, h("p", { class: "problem" }, message.problem), h("pre", {}, message.value.slice(0, FIRST_TEXT)));
  const text = format(message.value);
  const place = h("div", { class: "content" }, tree(message.value));
  const raw = button("JSON", () => {
    const asText = raw.getAttribute("aria-pressed") === "false";
    raw.setAttribute("aria-pressed", String(asText));
    place.replaceChildren(asText ? plain(text) : tree(message.value));
  }, { class: "small", "aria-pressed": "false" });
  return h("div", { class: "message" }, h("div", { class: "tools" }, raw, button("Copy", () => copy(text, "the reply"), { class: "small" })), place);
}

/** Long text, first a part of it. @param {string} text */
function plain(text) {
  const element = h("pre", { tabindex: "0" });
  const add = (/** @type {number} */ from, /** @type {number} */ to) => {
    // In pieces that the browser lays out when they are in sight.
    for (let at = from; at < to; at += PIECE) element.append(h("span", { class: "piece" }, text.slice(at, Math.min(at + PIECE, to))));
  };
  add(0, Math.min(text.length, FIRST_TEXT));
  if (text.length <= FIRST_TEXT) return element;
  const more = button(`Show all ${bytes(text.length)}`, () => { add(FIRST_TEXT, text.length); more.remove(); }, { class: "more" });
  return h("div", {}, element, more);
}

/** @param {string[][]} headers @param {string[][]} trailers */
function metadata(headers, trailers) {
  const rows = [...headers.map((each) => ["header", ...each]), ...trailers.map((each) => ["trailer", ...each])];
  if (!rows.length) return h("p", { class: "none" }, "No headers or trailers.");
  return h("details", { class: "metadata" }, h("summary", {}, `${rows.length} headers and trailers`),
    h("table", {}, h("tbody", {}, ...rows.map(([kind, name, value]) => h("tr", {}, h("td", {}, kind), h("th", { scope: "row" }, name), h("td", { class: "mono" }, value.slice(0, 500)))))));
}

