// The API, read from /openapi.json and written out as plain HTML.

import { tryIt } from "/web/docs/try_it.js";
import { at, element, say } from "/web/shared/element.js";
import { NO_ANSWER } from "/web/shared/problem.js";
import { snippetsOf } from "/web/shared/snippets.js";
import { tabs } from "/web/shared/tabs.js";

const api = await (await fetch("/openapi.json")).json();

// Descriptions are plain text but for `code`.
const prose = (text = "") =>
  text.split("`").map((part, place) => (place % 2 ? element("code", part) : part));

const resolve = (schema) => (schema.$ref ? api.components.schemas[schema.$ref.split("/").pop()] : schema);

function typeOf(schema) {
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.const ?? schema.enum) return [schema.const ?? schema.enum].flat().map((value) => `\`${value}\``).join(" or ");
  if (schema.anyOf) return schema.anyOf.map(typeOf).filter((type) => type !== "null").join(" or ");
  if (schema.type === "array") return `list of ${typeOf(schema.items)}`;
  return schema.format === "binary" ? "bytes" : schema.type ?? "any";
}

function table(title, rows) {
  if (!rows.length) return "";
  const body = rows.map((cells) => element("tr", cells.map((cell) => element("td", prose(cell)))));
  return element("section", [element("h3", title), element("table", element("tbody", body))]);
}

const fieldsOf = (schema) =>
  Object.entries(resolve(schema).properties ?? {}).map(([name, field]) => [name, typeOf(field), field.description ?? ""]);

function answerOf({ responses }) {
  const { content } = responses[200];
  const lines = content["application/x-ndjson"]?.schema.anyOf;
  if (lines) return table("Answer: a line of each", lines.map((line) => [typeOf(line), resolve(line).description]));
  const { schema = {} } = Object.values(content)[0];
  return table(`Answer: ${typeOf(schema)}`, fieldsOf(schema));
}

function samplesOf(responses) {
  const contents = responses.flatMap(({ content }) => Object.entries(content));
  const texts = contents.flatMap(([type, { examples = {} }]) => Object.values(examples).map(({ value }) => written(type, value)));
  if (!texts.length) return "";
  const shown = element("pre", element("code", texts.join("\n")), { tabIndex: 0 });
  return element("details", [element("summary", texts.length === 1 ? "A sample" : "Samples"), shown], { className: "samples" });
}

// A row of NDJSON is a line.
const written = (type, value) => JSON.stringify(value, null, type.endsWith("ndjson") ? 0 : 2);

const CALLS = { "/predict": "predict", "/timeline": "timeline" };

const snippets = (path) =>
  CALLS[path] ? element("section", [element("h3", "Call it"), tabs(snippetsOf(CALLS[path], { file: "clip.mp4" }))]) : "";

function tryButton(path, method) {
  const room = element("div", [], { className: "try-room" });
  const button = element("button", "Try it", { type: "button", className: "quiet try" });
  button.onclick = async () => {
    button.disabled = true;
    say("Loading");
    try {
      await tryIt(api, path, method, room);
      button.hidden = true;
      say("Ready to try");
    } catch {
      button.disabled = false;
      say(NO_ANSWER.detail);
    }
  };
  return element("div", [button, room]);
}

function operation(path, method, description) {
  const { parameters = [], requestBody, responses } = description;
  const heading = element("summary", [
    element("code", [element("span", method.toUpperCase(), { className: "method" }), ` ${path}`]),
    element("span", description.summary, { className: "muted" })]);
  const bodies = Object.entries(requestBody?.content ?? {}).map(([type, { schema }]) =>
    [type, resolve(schema).properties ? Object.keys(resolve(schema).properties).map((name) => `field ${name}`).join(", ") : "the bytes"]);
  const problems = Object.entries(responses).filter(([status]) => status >= 400);
  const parts = [heading,
    element("p", prose(description.description)),
    table("Parameters", parameters.map(({ name, schema, description: text }) => [name, typeOf(schema), text ?? schema.description ?? ""])),
    table("Header, where a key is asked for; one of", keysOf(description)),
    table("Body, one of", bodies),
    answerOf(description),
    samplesOf([responses[200]]),
    table("Problems", problems.map(([status, response]) => [status, response.description])),
    samplesOf(problems.map(([, response]) => response)),
    snippets(path),
    tryButton(path, method)];
  return element("details", parts, { className: "card operation", open: Boolean(requestBody) });
}

const keysOf = ({ security = [] }) =>
  security.flatMap(Object.keys).map((header) => [header, api.components.securitySchemes[header].description]);

function schema([name, shape]) {
  const heading = [element("code", name), element("span", prose(shape.description), { className: "muted" })];
  return element("details", [element("summary", heading), table("Fields", fieldsOf(shape))], { className: "card operation" });
}

at("operations").append(
  ...Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, description]) => operation(path, method, description))),
  element("h2", "Types"),
  ...Object.entries(api.components.schemas).map(schema),
);
