/** The messages of a stream, as they come. */
import { button, duration, h } from "./dom.js";
import { virtualList } from "./list.js";
import { content } from "./reply.js";

const KEPT = 1_000;
const PART = 1 << 20;

/** @param {import("./calls.js").Described} method @param {(fields: any) => void} resume */
export function streamView(method, resume) {
  /** @type {any[]} */
  let kept = [];
  let count = 0, paused = false, ended = false;
  /** All messages for the file; the browser keeps blobs outside of the page's memory. @type {Blob[]} */
  const parts = [];
  /** @type {string[]} */
  let part = [];
  let size = 0;
  /** @type {number[]} */
  const times = [];
  const base = new Map();
  const state = { epoch: "" };
  const detail = h("div", { class: "detail" });
  const counter = h("span", { class: "counter", "aria-live": "off" }, "0 messages");
  const list = virtualList({
    label: "Messages",
    key: (/** @type {any} */ item) => item.number,
    row: (item) => [h("span", { class: "number" }, `${item.number}`), h("span", { class: "at" }, duration(item.ms)), h("span", { class: "sum" }, item.sum)],
    choose: (item) => detail.replaceChildren(resumes && button("Resume from here", () => resume(positions(item)), { class: "small" }), content(item)),
  });
  const resumes = method.messages[method.request].fields.some((each) => each.ref === "seda.chat.v1.RoomPosition");
  const pause = button("Pause", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    if (!paused) draw();
  }, { class: "small", "aria-pressed": "false", title: "Stops the list; the stream goes on" });
  const save = button("Save .jsonl", () => {
    const link = h("a", { href: URL.createObjectURL(new Blob([...parts, ...part])), download: `${method.name}.jsonl` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }, { class: "small" });
  const element = h("div", { class: "stream" }, h("div", { class: "tools" }, counter, h("span", { class: "space" }), pause, save), list.element, detail);

  let waiting = false;
  const draw = () => {
    const now = performance.now();
    while (times.length && times[0] < now - 5000) times.shift();
    const rate = ended ? "" : `, ${(times.length / 5).toFixed(times.length < 50 ? 1 : 0)} a second`;
    counter.textContent = `${count.toLocaleString("en")} messages${rate}${count > KEPT ? `, the last ${KEPT.toLocaleString("en")} here` : ""}`;
    if (!paused) list.show(kept.slice(), true);
  };
  const timer = setInterval(draw, 1000);

  /** @param {any} until */
  const positions = (until) => {
    const found = new Map(base);
    for (const item of kept) {
      fold(found, state, item.value);
      if (item === until) break;
    }
    return { rooms: [...found].map(([roomId, afterRev]) => ({ roomId, afterRev })), epoch: state.epoch };
  };
  return {
    element,
    add: (/** @type {any} */ line) => {
      const text = JSON.stringify(line.value);
      kept.push({ ...line, number: (count += 1), sum: summary(text) });
      if (kept.length > KEPT) fold(base, state, kept.shift().value);
      times.push(performance.now());
      if (times.length > 10_000) times.shift();
      part.push(`${text}\n`);
      size += text.length;
      if (size > PART) {
        parts.push(new Blob(part));
        part = [];
        size = 0;
      }
      if (waiting) return;
      waiting = true;
      setTimeout(() => { waiting = false; draw(); }, 60);
    },
    end: () => { ended = true; clearInterval(timer); draw(); },
  };
}

/** The beginning of a message, without what only JSON needs. @param {string} text */
const summary = (text) => text.slice(0, 400).replace(/([0-9a-f]{8})-[0-9a-f-]{27}/g, "$1…").replace(/["[\]{}]+/g, " ").replace(/ ?: ?/g, ": ").slice(0, 160);

/**
 * Moves positions of rooms as a message of a watch says.
 * @param {Map<string, string>} positions @param {{epoch: string}} state @param {any} value
 */
function fold(positions, state, value) {
  for (const frame of value?.frames ?? []) {
    if (frame.hello) state.epoch = frame.hello.epoch;
    if (frame.roomLost) positions.delete(frame.roomLost.roomId);
    for (const each of [frame.roomState, frame.change, ...(frame.checkpoint?.positions ?? [])]) {
      if (each?.roomId) positions.set(each.roomId, each.rev ?? "0");
    }
  }
}

