/** The list of services and methods: filtered while typing, walked by arrow keys. */
import { h } from "./dom.js";

/** @typedef {{path: string, name: string, comment: string, streams: boolean, takesStream: boolean, access: string,
 *   reads: boolean, repeatable: boolean}} Method */
/** @typedef {{name: string, comment: string, methods: Method[]}} Service */

/** What is told about a method besides its name. @param {Method} method @returns {[string, string][]} */
export function badges(method) {
  /** @type {[string, string][]} */
  const found = [];
  if (method.streams) found.push(["stream", "Streams its reply"]);
  if (method.takesStream) found.push(["takes a stream", "Not callable from here"]);
  if (method.access && method.access !== "user") found.push([method.access, `For ${method.access}`]);
  if (method.reads) found.push(["reads", "Without side effects: may be repeated"]);
  else if (method.repeatable) found.push(["repeatable", "Repeated, it does nothing more"]);
  return found;
}

/** Makes the list. @returns {{element: HTMLElement, fill: (services: Service[]) => void, mark: (path: string) => void}} */
export function sidebar() {
  const filter = h("input", { type: "search", placeholder: "Filter methods", "aria-label": "Filter methods by name and comment", autocomplete: "off", spellcheck: "false" });
  const list = h("nav", { class: "services", "aria-label": "Methods" });
  const none = h("p", { class: "none", hidden: true }, "No method has all these words.");
  const element = h("aside", { class: "sidebar" }, h("div", { class: "find" }, filter, h("kbd", { "aria-hidden": "true" }, "/")), list, none);
  const links = () => /** @type {HTMLElement[]} */ ([...list.querySelectorAll("a")].filter((each) => !each.closest("[hidden]")));

  filter.addEventListener("input", () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const service of list.children) {
      for (const link of service.querySelectorAll("a")) {
        link.parentElement.hidden = !words.every((/** @type {string} */ each) => link.dataset.text.includes(each));
      }
      service.hidden = !service.querySelector("li:not([hidden])");
      if (words.length) service.open = true;
    }
    none.hidden = links().length > 0;
  });
  element.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const shown = links();
    if (step) {
      const next = shown[shown.indexOf(/** @type {HTMLElement} */ (document.activeElement)) + step];
      (next ?? (step < 0 ? filter : shown.at(-1)))?.focus();
      event.preventDefault();
    } else if (event.key === "Enter" && event.target === filter) {
      shown[0]?.click();
    } else if (event.key === "Escape" && event.target === filter) {
      filter.value = "";
      filter.dispatchEvent(new Event("input"));
    }
  });

  return {
    element,
    fill: (services) => {
      const infrastructure = (/** @type {Service} */ each) => Number(each.name.startsWith("grpc."));
      list.replaceChildren(...services.sort((one, other) => infrastructure(one) - infrastructure(other)).map(service));
      filter.dispatchEvent(new Event("input"));
    },
    mark: (path) => {
      for (const link of list.querySelectorAll("a")) {
        const current = link.dataset.path === path;
        link.toggleAttribute("aria-current", current);
        if (!current) continue;
        link.closest("details").open = true;
        link.scrollIntoView({ block: "nearest" });
      }
    },
  };
}

/** @param {Service} each */
function service(each) {
  const own = !each.name.startsWith("grpc.");
  const parts = each.name.split(".");
  return h("details", { open: own },
    h("summary", { title: each.comment }, h("span", {}, parts.at(-1) ?? ""), h("span", { class: "package" }, parts.slice(0, -1).join("."))),
    h("ul", {}, ...each.methods.map((method) => h("li", {}, h("a", {
      href: `#/calls/${method.path}`,
      "data-path": method.path,
      "data-text": `${method.path} ${method.comment}`.toLowerCase(),
      title: method.comment.split("\n")[0],
    }, h("span", { class: "name" }, method.name), ...badges(method).slice(0, 1).map(([text]) => h("span", { class: `badge is-${text}` }, text)))))));
}
