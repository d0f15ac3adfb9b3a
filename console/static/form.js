/** The form of a message, made from its descriptor. */
import { button, code, h } from "./dom.js";
import { changed, simple } from "./editors.js";

/**
 * @typedef {{name: string, proto: string, type: string, comment: string, limits: string[], required: boolean, output: boolean,
 *   repeated: boolean, optional: boolean, oneof: string|null, ref: string|null}} Field
 * @typedef {{name: string, comment: string, fields: Field[]}} Message
 * @typedef {{messages: Record<string, Message>, enums: Record<string, {values: {name: string, comment: string}[]}>,
 *   maskable: Field[], ids: (name: string) => Promise<[string, string][]>}} Context
 * @typedef {import("./editors.js").Editor} Editor
 */

/** Required messages are open from the start to this depth. */
const OPEN_DEPTH = 2;

/**
 * The editor of a message: its fields one below the other, those that only the server sets folded away.
 * @param {string} name @param {Context} context @param {number} [depth]
 * @returns {Editor}
 */
export function messageEditor(name, context, depth = 0) {
  const message = context.messages[name];
  const beside = message.fields.find((each) => each.type === "message" && !each.ref?.startsWith("google.protobuf."));
  const inner = { ...context, maskable: beside?.ref ? context.messages[beside.ref].fields : [] };
  /** @type {Map<string, Editor>} */
  const editors = new Map();
  const element = h("div", { class: "fields" });
  const output = h("details", { class: "output" }, h("summary", {}, "Set by the server"), h("div", { class: "fields" }));
  const oneofs = new Map();
  for (const field of message.fields) {
    const editor = fieldEditor(field, inner, depth);
    editors.set(field.name, editor);
    const place = field.output && depth > 0 ? output.lastChild : element;
    if (!field.oneof) {
      place.append(editor.element);
      continue;
    }
    if (!oneofs.has(field.oneof)) {
      oneofs.set(field.oneof, oneof(field.oneof, message.fields, editors));
      place.append(oneofs.get(field.oneof).element);
    }
    oneofs.get(field.oneof).add(editor);
  }
  if (!message.fields.length) element.append(h("p", { class: "none" }, "No fields."));
  if (output.lastChild.children.length) element.append(output);
  return {
    element,
    read: () => {
      const set = [...editors].map(([key, editor]) => [key, editor.read()]).filter(([, value]) => value !== undefined);
      return Object.fromEntries(set);
    },
    write: (value) => {
      for (const field of message.fields) editors.get(field.name)?.write(value?.[field.name] ?? value?.[field.proto]);
      for (const each of oneofs.values()) each.refresh();
      if (output.querySelector(".set")) output.open = true;
    },
  };
}

/**
 * Shows one of the fields of a oneof at a time.
 * @param {string} name @param {Field[]} fields @param {Map<string, Editor>} editors
 */
function oneof(name, fields, editors) {
  const members = fields.filter((each) => each.oneof === name);
  const select = h("select", { "aria-label": name }, h("option", { value: "" }, "none"), ...members.map((each) => h("option", { value: each.name }, each.proto)));
  const element = h("div", { class: "oneof" }, h("label", { class: "label" }, name, h("span", { class: "type" }, "one of"), select));
  const show = () => {
    for (const each of members) /** @type {HTMLElement} */ (editors.get(each.name)?.element).hidden = each.name !== select.value;
  };
  select.addEventListener("input", () => {
    for (const each of members) {
      // What is chosen is set, if only to its default.
      if (each.name === select.value) /** @type {any} */ (editors.get(each.name)).enable?.();
      else editors.get(each.name)?.write(undefined);
    }
    show();
  });
  return {
    element,
    add: (/** @type {Editor} */ editor) => { editor.element.hidden = true; element.append(editor.element); },
    refresh: () => {
      select.value = members.find((each) => editors.get(each.name)?.read() !== undefined)?.name ?? "";
      show();
    },
  };
}

/** @param {Field} field @param {Context} context @param {number} depth @returns {Editor} */
function fieldEditor(field, context, depth) {
  if (field.type === "map") return list(field, context, depth, (each) => entry(field, context, depth, each));
  if (field.repeated) return list(field, context, depth, () => item({ ...field, repeated: false }, context, depth));
  const editor = simple(field, context, field.optional);
  if (editor && !field.optional) return { ...editor, element: row(field, editor.element) };
  const open = field.required && depth < OPEN_DEPTH;
  return optional(field, () => editor ?? messageEditor(field.ref ?? "", context, depth + 1), open, !editor);
}

/** A field that can be unset: a switch, and the editor when it is set. @param {Field} field @param {() => Editor} make
 * @param {boolean} open @param {boolean} group @returns {Editor} */
function optional(field, make, open, group) {
  /** @type {Editor|null} */
  let editor = null;
  const set = h("input", { type: "checkbox", role: "switch", "aria-label": `Set ${field.proto}` });
  const element = row(field, h("div", { class: group ? "nested" : "alone" }), set);
  const place = element.querySelector(group ? ".nested" : ".alone");
  const show = (/** @type {boolean} */ on) => {
    set.checked = on;
    element.classList.toggle("set", on);
    // Only now: messages may hold themselves.
    if (on || !group) editor ??= make();
    place.replaceChildren(...(editor && (on || !group) ? [editor.element] : []));
  };
  set.addEventListener("input", () => show(set.checked));
  if (!group) place.addEventListener("input", () => { set.checked = true; element.classList.add("set"); });
  show(open);
  const empty = () => editor?.read() ?? { string: "", bytes: "", bool: false, enum: 0 }[field.type] ?? (group ? {} : undefined);
  return Object.assign({
    element,
    read: () => (set.checked ? empty() : undefined),
    write: (/** @type {any} */ value) => {
      show(value !== undefined && (value !== null || field.ref === "google.protobuf.Value"));
      editor?.write(value);
    },
  }, { enable: () => show(true) });
}

/** A list of editors that grows. @param {Field} field @param {Context} context @param {number} depth
 * @param {(entry?: [string, any]) => Editor} make @returns {Editor} */
function list(field, context, depth, make) {
  /** @type {Editor[]} */
  let items = [];
  const place = h("div", { class: "list" });
  const add = (/** @type {any} */ value) => {
    const editor = make();
    const remove = button("remove", () => {
      items = items.filter((each) => each !== editor);
      line.remove();
      changed(place);
    }, { class: "small" });
    const line = h("div", { class: "item" }, editor.element, remove);
    if (value !== undefined) editor.write(value);
    items.push(editor);
    place.append(line);
    return line;
  };
  const more = button("add", () => {
    add(undefined).querySelector("input,textarea,select")?.focus();
    changed(place);
  }, { class: "small add" });
  const isMap = field.type === "map";
  return {
    element: row(field, h("div", {}, place, more)),
    read: () => {
      const values = items.map((each) => each.read());
      if (!values.length) return undefined;
      return isMap ? Object.fromEntries(values) : values;
    },
    write: (value) => {
      items = [];
      place.replaceChildren();
      const values = isMap ? Object.entries(value ?? {}) : (value ?? []);
      if (Array.isArray(values)) values.forEach(add);
    },
  };
}

/** An item of a list is always set. @param {Field} field @param {Context} context @param {number} depth @returns {Editor} */
function item(field, context, depth) {
  const editor = simple(field, context, true) ?? messageEditor(field.ref ?? "", context, depth + 1);
  const empty = { string: "", bytes: "", bool: false, enum: 0, message: {} }[field.type] ?? 0;
  return { ...editor, read: () => editor.read() ?? empty };
}

/** @param {Field} field @param {Context} context @param {number} depth @param {any} _entry @returns {Editor} */
function entry(field, context, depth, _entry) {
  const [key, value] = context.messages[field.ref ?? ""].fields;
  const keys = simple({ ...key, type: "string", limits: [] }, context, true);
  const values = item(value, context, depth);
  return {
    element: h("div", { class: "entry" }, keys?.element, values.element),
    read: () => [keys?.read(), values.read()],
    write: ([name, content]) => { keys?.write(name); values.write(content); },
  };
}

/** A field with its label, its limits and its comment. @param {Field} field @param {HTMLElement} content @param {HTMLElement} [before] */
function row(field, content, before) {
  const type = field.type === "message" || field.type === "enum" ? field.ref?.split(".").at(-1) ?? "" : field.type;
  const facts = [`${field.repeated ? "list of " : ""}${type}`, ...field.limits.filter((each) => each !== "required")];
  const mandatory = field.required || field.limits.includes("required");
  const label = h("span", { class: "label" }, before, h("span", { class: "name" }, field.proto), mandatory && h("span", { class: "required" }, "required"), h("span", { class: "type" }, facts.join(", ")));
  const single = content.matches("input,textarea,select,.joined");
  return h("div", { class: `field ${content.matches("input[type=checkbox]") ? "inline" : ""}`, "data-field": field.proto },
    h(single ? "label" : "div", { class: "head" }, label, single && content), !single && content,
    field.comment && h("p", { class: "comment" }, ...code(field.comment)));
}
