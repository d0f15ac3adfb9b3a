/** The request of a method: its comment, form or JSON, whom to call as, and what can be done with it. */
import { button, copy, h, menu, paragraphs, toast } from "./dom.js";
import { messageEditor } from "./form.js";
import { examples, historyMenu, remind } from "./history.js";
import { format, parse } from "./json.js";
import { ids, session } from "./session.js";
import { badges } from "./sidebar.js";
import { asGrpcurl, asPython, asSeda } from "./copy.js";

const LARGEST_LINK = 8_000;

/**
 * @param {import("./calls.js").Described} method
 * @param {ReturnType<typeof import("./reply.js").replyPane>} reply
 */
export function requestPane(method, reply) {
  const editor = messageEditor(method.request, { ...method, maskable: [], ids });
  const form = h("form", { class: "form", "aria-label": "Request" }, editor.element);
  const json = h("textarea", { class: "json mono", "aria-label": "Request as JSON", spellcheck: "false", hidden: true });
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  let asJson = false;
  const text = () => (asJson ? json.value : format(editor.read()));

  const mode = (/** @type {boolean} */ toJson) => {
    if (toJson === asJson) return;
    if (toJson) json.value = format(editor.read());
    else if (!write(json.value)) return;
    asJson = toJson;
    form.hidden = asJson;
    json.hidden = !asJson;
    tabs.forEach((each, index) => each.setAttribute("aria-pressed", String(asJson === (index === 1))));
  };
  const tabs = ["Form", "JSON"].map((name, index) => button(name, () => mode(index === 1), { "aria-pressed": String(index === 0) }));

  /** Takes JSON text into the form and the text; says what is wrong with it. @param {string} given */
  const write = (given) => {
    try {
      const value = parse(given || "{}");
      if (value === null || typeof value !== "object" || Array.isArray(value)) throw new Error("A request is a JSON object.");
      editor.write(value);
      const lost = Object.keys(value).filter((name) => !method.messages[method.request].fields.some((each) => [each.name, each.proto].includes(name)));
      if (lost.length) toast(`The request has no field ${lost.join(", ")}`);
      json.value = format(value);
      problem.hidden = true;
      return true;
    } catch (error) {
      problem.textContent = /** @type {Error} */ (error).message;
      problem.hidden = false;
      return false;
    }
  };
  json.addEventListener("input", () => {
    try {
      parse(json.value || "{}");
      problem.hidden = true;
    } catch (error) {
      problem.textContent = /** @type {Error} */ (error).message;
      problem.hidden = false;
    }
  });

  const deadline = h("input", { type: "number", min: "0.1", step: "any", value: method.streams ? "" : "10", placeholder: "none", class: "deadline" });
  const rows = metadataRows();
  const send = async () => {
    if (method.takesStream) return toast("This method takes a stream of requests, which the console does not send");
    clear(form);
    const id = crypto.randomUUID().replaceAll("-", "");
    const metadata = rows.read();
    if (!metadata.some(([name]) => name === "x-request-id")) metadata.push(["x-request-id", id]);
    sendButton.hidden = !(cancelButton.hidden = false);
    const status = await reply.run(text(), { deadline: Number(deadline.value) || null, metadata });
    sendButton.hidden = !(cancelButton.hidden = true);
    if (status?.details) mark(form, status.details.violations);
    remind({ path: method.path, text: text(), identity: session.identity, code: status?.name ?? "", ms: status?.ms ?? 0 });
  };
  const sendButton = button("Send", send, { class: "primary send", title: "Ctrl Enter" });
  const cancelButton = button("Cancel", reply.cancel, { class: "primary cancel", title: "Esc", hidden: true });
  reply.onRetry(send);
  reply.onResume((/** @type {any} */ fields) => { write(format({ ...parse(text()), ...fields })); mode(false); send(); });

  const share = () => {
    const link = `${location.origin}/#/calls/${method.path}?r=${encodeURIComponent(text())}`;
    if (link.length > LARGEST_LINK) return toast("The request is too long for a link");
    copy(link, "a link to this request, without key, token and metadata");
  };
  const parts = () => ({ method, text: text(), metadata: rows.read(), deadline: Number(deadline.value) || null });
  const copyAs = menu("Copy as", "copy-as",
    button("grpcurl", () => copy(asGrpcurl(parts()), "as grpcurl; the token is $SEDA_TOKEN")),
    session.suite && button("seda call", () => copy(asSeda(parts()), "as seda call; the token is $SEDA_TOKEN")),
    button("Python", () => copy(asPython(parts()), "as Python; the token is SEDA_TOKEN")));
  const element = h("section", { class: "request", "aria-label": "Request" },
    h("div", { class: "scroll" },
      h("header", { class: "about" },
        h("a", { href: "#/calls", class: "back" }, "All methods"),
        h("h2", {}, method.name),
        h("p", { class: "path mono" }, method.path.replace(/\/.*/, "")),
        h("p", { class: "badges" }, ...badges(method).map(([name, title]) => h("span", { class: `badge is-${name}`, title }, name))),
        comment(method.comment)),
      h("div", { class: "bar" }, h("div", { class: "segments", role: "group", "aria-label": "Edit as" }, ...tabs), h("span", { class: "space" }), examples(method, write), historyMenu(method, (each) => { mode(false); write(each); })),
      problem, form, json,
      h("details", { class: "options" }, h("summary", {}, "Deadline and metadata"), h("label", {}, "Deadline, seconds ", deadline), rows.element)),
    h("footer", { class: "actions" }, sendButton, cancelButton, copyAs, button("Share", share, { title: "Copy a link to this request" })));
  element.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send();
    else if (event.altKey && event.code === "KeyJ") mode(!asJson);
    else if (event.key === "Enter" && /** @type {HTMLElement} */ (event.target).matches("input")) event.preventDefault();
  });
  return { element, write: (/** @type {string} */ given) => { mode(false); write(given); } };
}

/** The first paragraph of a comment, the rest on demand. @param {string} text */
function comment(text) {
  const [first, ...others] = paragraphs(text);
  if (!first) return null;
  return h("div", { class: "comment" }, first, others.length > 0 && h("details", {}, h("summary", {}, "More"), ...others));
}

/** Rows of names and values that grow as they are filled. */
function metadataRows() {
  const element = h("div", { class: "rows" });
  const add = () => {
    const row = h("div", { class: "joined" }, h("input", { placeholder: "name", "aria-label": "Metadata name", class: "mono", spellcheck: "false" }), h("input", { placeholder: "value", "aria-label": "Metadata value", class: "mono", spellcheck: "false" }));
    row.addEventListener("input", () => { if (row === element.lastChild) add(); });
    element.append(row);
  };
  add();
  const read = () => [...element.children]
    .map((row) => [row.children[0].value.trim().toLowerCase(), row.children[1].value])
    .filter(([name]) => name);
  return { element, read };
}

/** @param {HTMLElement} form */
function clear(form) {
  for (const each of form.querySelectorAll(".violation")) each.remove();
  for (const each of form.querySelectorAll(".violated")) each.classList.remove("violated");
}

/** Says at each field what the server found wrong with it. @param {HTMLElement} form @param {[string, string][]} violations */
function mark(form, violations) {
  for (const [path, text] of violations) {
    /** @type {Element|null|undefined} */
    let node = form;
    for (const [, name, index] of path.matchAll(/([a-z_0-9]+)|\[(\d+)\]/gi)) {
      const inside = node;
      if (index) node = node?.querySelectorAll(":scope > div > .list > .item")[Number(index)];
      else node = [...(inside?.querySelectorAll(`.field[data-field="${name}"]`) ?? [])].find((each) => (each.parentElement?.closest(".field, .form")) === inside || inside?.matches(".item"));
      if (!node) break;
      node.classList.add("violated");
    }
    (node ?? form).append(h("p", { class: "violation", role: "alert" }, node ? text : `${path}: ${text}`));
  }
  form.querySelector(".violation")?.scrollIntoView({ block: "nearest" });
}
