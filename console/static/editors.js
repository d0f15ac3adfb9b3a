/**
 * Editors of single values. Each is an element with `read()`, which returns the JSON value or undefined for unset, and
 * `write(value)`. With `explicit` an empty value is a value: the field tells unset from empty by itself.
 */
import { button, h } from "./dom.js";
import { format, number, parse, shown } from "./json.js";

/** @typedef {{element: HTMLElement, read: () => any, write: (value: any) => void, focus?: () => void}} Editor */
/** @typedef {import("./form.js").Field} Field */

const WIDE = new Set(["int64", "uint64", "sint64", "fixed64", "sfixed64"]);
const LONG = /text|description|reason|bio|note|comment|content/;
const WRAPPED = {
  StringValue: "string", BytesValue: "bytes", BoolValue: "bool", Int64Value: "int64", UInt64Value: "uint64",
  Int32Value: "int32", UInt32Value: "uint32", DoubleValue: "double", FloatValue: "float",
};
let lists = 0;

/** @param {EventTarget|null} element Tells the form that a value was changed by the page. */
export const changed = (element) => element?.dispatchEvent(new Event("input", { bubbles: true }));

/**
 * The editor of a scalar, an enum, or a message whose JSON is no object of its fields.
 * @param {Field} field @param {import("./form.js").Context} context @param {boolean} explicit
 * @returns {Editor|null} null for an ordinary message.
 */
export function simple(field, context, explicit) {
  const editor = control(field, context, explicit);
  const first = editor?.element.matches("input,textarea,select") ? editor.element : editor?.element.querySelector("input:not([type=checkbox])");
  first?.setAttribute("aria-label", field.proto);
  return editor;
}

/** @param {Field} field @param {import("./form.js").Context} context @param {boolean} explicit @returns {Editor|null} */
function control(field, context, explicit) {
  const known = /^google\.protobuf\.(\w+)$/.exec(field.type === "message" ? field.ref ?? "" : "")?.[1];
  const type = known ? (WRAPPED[/** @type {keyof typeof WRAPPED} */ (known)] ?? known) : field.type;
  if (type === "bool") return explicit || known ? choice(["true", "false"], (text) => text === "true") : toggle();
  if (type === "enum") return choice(context.enums[field.ref ?? ""].values.map((each) => each.name), number);
  if (type === "bytes") return binary(explicit);
  if (type === "Timestamp") return timestamp();
  if (type === "Duration") return text({ placeholder: "1.5s" }, false);
  if (type === "FieldMask") return mask(context.maskable);
  if (["Struct", "Value", "ListValue", "Any"].includes(type)) return raw(type);
  if (type === "string") return isUuid(field) ? uuid(field, context, explicit) : words(field, explicit || Boolean(known));
  if (type === "message" || type === "group") return null;
  // 64 bits do not fit into a number of JSON.
  return text({ inputmode: "decimal", autocomplete: "off" }, false, WIDE.has(type) ? String : number);
}

/** @param {Field} field */
const isUuid = (field) => field.limits.some((each) => each.endsWith("UUID"));

/** @param {Record<string, any>} attributes @param {boolean} explicit @param {(text: string) => any} [convert] @returns {Editor} */
function text(attributes, explicit, convert = String) {
  const element = h("input", { type: "text", spellcheck: "false", ...attributes });
  /** What was written: the control may drop parts of it, such as line breaks. @type {[string, any]} */
  let kept = ["", undefined];
  return {
    element,
    read: () => {
      if (kept[1] !== undefined && element.value === kept[0]) return kept[1];
      return element.value === "" && !explicit ? undefined : convert(element.value);
    },
    write: (value) => {
      element.value = value === undefined ? "" : shown(value);
      kept = [element.value, value];
    },
  };
}

/** @param {Field} field @param {boolean} explicit @returns {Editor} */
function words(field, explicit) {
  const long = LONG.test(field.proto);
  const element = h("textarea", { rows: long ? 2 : 1, spellcheck: String(long) });
  return {
    element,
    read: () => (element.value === "" && !explicit ? undefined : element.value),
    write: (value) => { element.value = value === undefined ? "" : shown(value); },
  };
}

/** @param {Field} field @param {import("./form.js").Context} context @param {boolean} explicit @returns {Editor} */
function uuid(field, context, explicit) {
  const list = h("datalist", { id: `ids-${(lists += 1)}` });
  const editor = text({ list: list.id, autocomplete: "off", class: "mono", placeholder: "UUID" }, explicit);
  editor.element.addEventListener("focus", async () => {
    const known = await context.ids(field.proto.replace(/s$/, ""));
    list.replaceChildren(...known.map(([id, label]) => h("option", { value: id, label })));
  });
  const make = button("new", () => {
    editor.write(crypto.randomUUID());
    changed(editor.element);
  }, { class: "small", title: "A new random UUID" });
  return { ...editor, element: h("div", { class: "joined" }, editor.element, list, make) };
}

/** @returns {Editor} */
function toggle() {
  const element = h("input", { type: "checkbox", role: "switch" });
  return { element, read: () => element.checked || undefined, write: (value) => { element.checked = value === true; } };
}

/** @param {string[]} names @param {(text: string) => any} convert @returns {Editor} */
function choice(names, convert) {
  const element = h("select", {}, h("option", { value: "" }, "—"), ...names.map((each) => h("option", {}, each)));
  return {
    element,
    read: () => (element.value === "" ? undefined : convert(element.value)),
    write: (value) => {
      const wanted = value === undefined || value === null ? "" : shown(value);
      // A number that this contract has no name for.
      if (![...element.options].some((each) => each.value === wanted)) element.append(h("option", {}, wanted));
      element.value = wanted;
    },
  };
}

/** @param {boolean} explicit @returns {Editor} */
function binary(explicit) {
  const editor = text({ class: "mono", placeholder: "base64" }, explicit);
  const file = h("input", { type: "file", "aria-label": "From a file", onchange: async () => {
    const content = new Uint8Array(await file.files[0].arrayBuffer());
    let binary = "";
    for (const each of content) binary += String.fromCharCode(each);
    editor.write(btoa(binary));
    changed(editor.element);
  } });
  return { ...editor, element: h("div", { class: "joined" }, editor.element, h("label", { class: "small file" }, "file", file)) };
}

/** @returns {Editor} */
function timestamp() {
  const editor = text({ placeholder: "2026-01-31T12:00:00Z", autocomplete: "off" }, false);
  const set = (/** @type {number} */ hours) => () => {
    editor.write(new Date(Date.now() + hours * 3_600_000).toISOString());
    changed(editor.element);
  };
  const buttons = [button("now", set(0), { class: "small" }), button("+1 h", set(1), { class: "small" })];
  return { ...editor, element: h("div", { class: "joined" }, editor.element, ...buttons) };
}

/** Ticks for the fields of the message beside it. @param {Field[]} fields @returns {Editor} */
function mask(fields) {
  const element = h("fieldset", { class: "ticks" }, h("legend", { class: "hidden" }, "Fields"));
  const add = (/** @type {string} */ name) => element.append(h("label", {}, h("input", { type: "checkbox", value: name }), ` ${name}`));
  let kept = "";
  const ticks = () => /** @type {HTMLInputElement[]} */ ([...element.querySelectorAll("input")]);
  fields.filter((each) => !each.output).forEach((each) => add(each.name));
  return {
    element,
    read: () => {
      const now = ticks().filter((each) => each.checked).map((each) => each.value);
      // In the order in which it was written.
      const same = kept && kept.split(",").sort().join() === [...now].sort().join();
      return same ? kept : now.join(",") || undefined;
    },
    write: (value) => {
      kept = value ? shown(value) : "";
      const wanted = kept ? kept.split(",") : [];
      const offered = new Set(ticks().map((each) => each.value));
      wanted.filter((each) => !offered.has(each)).forEach(add);
      for (const each of ticks()) each.checked = wanted.includes(each.value);
    },
  };
}

/** JSON that no contract describes. @param {string} type @returns {Editor} */
function raw(type) {
  const placeholder = { Any: '{"@type": "type.googleapis.com/pkg.Message"}', ListValue: "[]", Value: "null" }[type] ?? "{}";
  const element = h("textarea", { rows: 2, class: "mono", spellcheck: "false", placeholder });
  return {
    element,
    read: () => {
      if (element.value.trim() === "") return undefined;
      try {
        return parse(element.value);
      } catch {
        return element.value;
      }
    },
    write: (value) => { element.value = value === undefined ? "" : format(value); },
  };
}
