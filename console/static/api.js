/** Requests to the console's own server. */

const KEY = "seda-key";

/** Moves the key from the address to this tab's storage, so that no copied address holds it; tells whether there was one. */
export function takeKey() {
  const found = /^#k=([\w-]+)(\/\w+)?$/.exec(location.hash);
  if (!found) return false;
  sessionStorage.setItem(KEY, found[1]);
  history.replaceState(null, "", found[2] ? `/#${found[2]}` : "/");
  return true;
}

/** @returns {boolean} Whether this tab was given a key. */
export const hasKey = () => sessionStorage.getItem(KEY) !== null;

/**
 * Fetches from the server; throws an Error with its words when it refuses.
 * @param {string} path @param {unknown} [body] Sent as JSON by POST. @param {AbortSignal} [signal]
 * @returns {Promise<Response>}
 */
export async function request(path, body, signal) {
  const headers = { "x-seda-key": sessionStorage.getItem(KEY) ?? "", "content-type": "application/json" };
  const post = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  const response = await fetch(path, { ...post, headers, signal, cache: "no-store" });
  if (response.ok) return response;
  const refused = await response.json().catch(() => ({}));
  throw Object.assign(new Error(refused.error ?? `The console answers ${response.status}.`), { reason: refused.reason, anyway: refused.anyway });
}

/**
 * Yields the objects of a response that has one on each line.
 * @param {Response} response
 * @returns {AsyncGenerator<any>}
 */
export async function* lines(response) {
  if (!response.body) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  /** @type {string[]} */
  let parts = [];
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      const [first, ...others] = read.value.split("\n");
      parts.push(first);
      for (const next of others) {
        yield JSON.parse(parts.join(""));
        parts = [next];
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
