/** A request as a command or a program that makes the same call. */
import { session } from "./session.js";

/** @typedef {{method: import("./calls.js").Described, text: string, metadata: string[][], deadline: number|null}} Parts */

/** Quotes for POSIX shells: within single quotes nothing has a meaning. @param {string} text */
const quote = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** The request on one line, as far as it is JSON. @param {string} text */
function compact(text) {
  try {
    // @ts-expect-error - newer than the types
    return JSON.stringify(JSON.parse(text, (_key, value, context) => (typeof value === "number" ? JSON.rawJSON(context.source) : value)));
  } catch {
    return text;
  }
}

const authorized = () => session.identity !== "";

/** @param {Parts} parts */
export function asGrpcurl({ method, text, metadata, deadline }) {
  const words = session.tls ? ["grpcurl"] : ["grpcurl", "-plaintext"];
  if (authorized()) words.push("-H", '"authorization: Bearer $SEDA_TOKEN"');
  for (const [name, value] of metadata) words.push("-H", quote(`${name}: ${value}`));
  if (deadline) words.push("-max-time", String(deadline));
  return [...words, "-d", quote(compact(text)), quote(session.targets[session.target]), method.path].join(" ");
}

/** @param {Parts} parts */
export function asSeda({ method, text, deadline }) {
  const words = ["seda", "call", method.path, "--address", quote(session.targets[session.target])];
  if (deadline) words.push("--timeout", String(deadline));
  return [...words, "-d", quote(compact(text))].join(" ");
}

/** A program on the suite's own client, or on grpc for any other server. @param {Parts} parts */
export function asPython({ method, text, metadata, deadline }) {
  const target = JSON.stringify(session.targets[session.target]);
  const [requests, stubs] = [method.requestFile, method.file].map((file) => {
    const path = `${file.replace(/\.proto$/, "").replaceAll("-", "_")}_pb2`.split("/");
    return [path.length > 1 ? `from ${path.slice(0, -1).join(".")} import ` : "import ", path.at(-1)];
  });
  const given = deadline ? `, timeout=${deadline}` : "";
  const token = 'os.environ["SEDA_TOKEN"]';
  const pairs = metadata.map(([name, value]) => `(${JSON.stringify(name)}, ${JSON.stringify(value)})`);
  if (authorized()) pairs.unshift(`("authorization", f"Bearer {os.environ['SEDA_TOKEN']}")`);
  const own = method.path.startsWith("seda.");
  const stub = `${stubs[1]}_grpc.${method.path.split("/")[0].split(".").at(-1)}Stub(server)`;
  const call = own ? `server.${method.client}.${method.name}(request${given})` : `${stub}.${method.name}(request, metadata=[${pairs.join(", ")}]${given})`;
  return [
    authorized() ? "import os\n" : "",
    own ? "" : "import grpc",
    "from google.protobuf import json_format",
    own ? `from sedaclient import Seda${authorized() ? ", StaticToken" : ""}` : "",
    requests.join(""),
    own ? "" : `${stubs.join("")}_grpc`,
    `\nrequest = json_format.Parse(\n    ${JSON.stringify(compact(text))},\n    ${requests[1]}.${method.request.split(".").at(-1)}(),\n)`,
    own ? `with Seda(${target}${authorized() ? `, auth=StaticToken(${token})` : ""}) as server:` : `with grpc.${session.tls ? `secure_channel(${target}, grpc.ssl_channel_credentials())` : `insecure_channel(${target})`} as server:`,
    method.streams ? `    for reply in ${call}:\n        print(json_format.MessageToJson(reply))` : `    print(json_format.MessageToJson(${call}))`,
  ].filter(Boolean).join("\n") + "\n";
}
