/** What the whole page shares: the targets, whom to call as, what is known of the suite, the ids that were seen. */
import { lines, request } from "./api.js";

/** @typedef {{id: string, label: string, role: string, email: string, expires: number|null}} Identity */
/** @typedef {{n: number, process: string, kind: string, end: number, ms?: number, method?: string, statement?: string, code?: string,
 *   rows?: number, caller?: string, reason?: string, request_id?: string, text?: string, level?: string}} Entry */

const NEWEST = 2_500;

export const session = {
  version: "",
  suite: false,
  tls: false,
  /** @type {Record<string, string>} */ targets: {},
  target: "",
  /** @type {Identity[]} */ identities: [],
  identity: "",
  /** A pasted token; never stored. */ token: "",
  /** When the token of the last call expires, in seconds since 1970. @type {number|null} */ expires: null,
  /** @type {Record<string, string>} */ health: {},
  /** @type {Entry[]} */ records: [],
};

const bus = new EventTarget();

/** @param {"health"|"records"|"identity"|"target"|"history"} name @param {() => void} listener */
export const on = (name, listener) => bus.addEventListener(name, listener);

/** @param {string} name */
export const emit = (name) => bus.dispatchEvent(new Event(name));

/** Loads what stays the same; throws when the server refuses. */
export async function start() {
  Object.assign(session, await (await request("/api/start")).json());
  const [first] = Object.keys(session.targets);
  session.target = sessionStorage.getItem("target") ?? first;
  if (!(session.target in session.targets)) session.target = first;
  const chosen = sessionStorage.getItem("identity") ?? "ada";
  session.identity = session.identities.some((each) => each.id === chosen) ? chosen : "";
  follow();
}

/** @param {"target"|"identity"} what @param {string} value */
export function choose(what, value) {
  session[what] = value;
  session.expires = null;
  // A pasted token is gone with the page.
  if (value !== "token") sessionStorage.setItem(what, value);
  emit(what);
}

/** Follows health and records while the page is looked at; hidden pages leave their connection to others. */
async function follow() {
  for (;;) {
    const ended = new AbortController();
    const hide = () => document.hidden && ended.abort();
    document.addEventListener("visibilitychange", hide);
    try {
      const response = await request("/api/events", undefined, ended.signal);
      session.records = [];
      for await (const update of lines(response)) {
        if (update.health) {
          session.health = update.health;
          emit("health");
        }
        if (update.records) {
          session.records = session.records.concat(update.records).slice(-NEWEST);
          emit("records");
        }
      }
    } catch {
      // Below, and again.
    }
    document.removeEventListener("visibilitychange", hide);
    if (!document.hidden) {
      session.health = Object.fromEntries(Object.keys(session.targets).map((name) => [name, "CONSOLE AWAY"]));
      emit("health");
    }
    await new Promise((done) => setTimeout(done, 1000));
    if (document.hidden) await new Promise((done) => document.addEventListener("visibilitychange", done, { once: true }));
  }
}

/** What the server needs to know of whom to call as. */
export const caller = () => (session.identity === "token" ? { token: session.token } : session.identity || null);

/**
 * Makes a call and yields what comes of it: headers, messages, status.
 * @param {string} method @param {string} text The request as JSON text.
 * @param {{deadline?: number|null, metadata?: string[][], signal?: AbortSignal}} [options]
 */
export async function* call(method, text, { deadline = 10, metadata = [], signal } = {}) {
  const body = { target: session.target, method, request: text, identity: caller(), deadline, metadata };
  for await (const line of lines(await request("/api/call", body, signal))) {
    if (line.kind === "headers" && line.expires) {
      session.expires = line.expires;
      emit("identity");
    }
    yield line;
  }
}

/** Ids by what they are of, newest first, with words to tell them apart. @type {Map<string, Map<string, string>>} */
const seen = new Map();
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const MOST_SEEN = 5_000;

/**
 * Remembers the ids in a reply, so that fields can offer them: `room: {id}` and `roomId` are both of rooms.
 * @param {any} value @param {string} [key]
 */
export function remember(value, key = "") {
  let left = MOST_SEEN;
  const visit = (/** @type {any} */ node, /** @type {string} */ name) => {
    if (node === null || typeof node !== "object" || (left -= 1) < 0) return;
    if (Array.isArray(node)) {
      node.slice(0, 500).forEach((each) => visit(each, name.replace(/s$/, "")));
      return;
    }
    const label = String(node.name ?? node.displayName ?? node.title ?? node.artistName ?? node.text ?? "").slice(0, 60);
    for (const [field, each] of Object.entries(node)) {
      if (typeof each === "string" && UUID.test(each)) {
        keep(field === "id" ? `${name}Id` : field, each, field === "id" ? label : "");
      } else {
        visit(each, field);
      }
    }
  };
  visit(value, key);
}

/** @param {string} field @param {string} id @param {string} label */
function keep(field, id, label) {
  const kind = field.replace(/Id$/, "").replace(/[A-Z]/g, (each) => `_${each.toLowerCase()}`).split("_").at(-1) ?? "";
  const known = seen.get(kind) ?? new Map();
  known.set(id, label || (known.get(id) ?? ""));
  seen.set(kind, known);
}

/** Ids that a field such as `room_id` may take; those of rooms are asked for. @param {string} field @returns {Promise<[string, string][]>} */
export async function ids(field) {
  const kind = field.replace(/_id$/, "").split("_").at(-1) ?? "";
  const of = { author: "user", member: "user", creator: "user", root: "message", parent: "message", profile: "artist" }[kind] ?? kind;
  if (of === "room" && session.suite && session.identity) {
    for await (const line of call("seda.chat.v1.RoomService/ListMyRooms", "{}")) {
      if (line.kind === "message") remember(line.value);
    }
  }
  return [.../** @type {Map<string, string>} */ (seen.get(of) ?? seen.get(kind) ?? new Map())].reverse().slice(0, 50);
}
