/** What happened in a room, by rev: messages, reactions, memberships, and what moderators did. */
import { h } from "../dom.js";
import { rowAt } from "./address.js";
import { ask, refusal } from "./ask.js";
import { local } from "./values.js";

/** @param {HTMLElement} place @param {string} _table @param {string} room */
export async function showTimeline(place, _table, room) {
  const list = h("ol", { class: "timeline" });
  const more = h("div", { class: "more" });
  place.append(
    h("header", { class: "view-head" },
      h("div", {}, h("h2", {}, "Room timeline"), h("p", { class: "dim" }, "The latest change of each row of the room, newest first.")),
      h("div", { class: "switch" }, h("a", { href: rowAt("chat.rooms", [room]) }, "The room"))),
    list, more);
  await page(room, "", list, more);
}

/** @param {string} room @param {string} before @param {HTMLElement} list @param {HTMLElement} more */
async function page(room, before, list, more) {
  try {
    const found = await ask("timeline", "", { room_id: room, before_rev: before });
    list.append(...found.entries.map(entry));
    more.replaceChildren(found.before_rev
      ? h("button", { onclick: () => page(room, found.before_rev, list, more) }, "Earlier changes")
      : h("p", { class: "dim" }, list.childElementCount ? "The beginning" : "Nothing has happened"));
  } catch (error) {
    more.replaceChildren(refusal(error));
  }
}

/** @param {any} found */
function entry(found) {
  const what = h("a", { class: "open", href: rowAt(`chat.${found.table}`, found.key) }, found.what);
  return h("li", { class: found.table },
    h("span", { class: "rev" }, found.rev), h("time", { class: "dim", datetime: found.at, title: found.at }, local(found.at)),
    h("span", { class: "what" }, what, found.text === null ? null : h("q", {}, found.text)),
    found.user_id ? h("a", { class: "id", href: rowAt("users.users", [found.user_id]), title: found.user_id }, `${found.user_id.slice(0, 8)}…${found.user_id.slice(-4)}`) : h("span", {}),
    h("span", { class: "dim" }, found.table));
}
