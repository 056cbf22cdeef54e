// Snippets: a call of this service in each language that has a client.

import { address } from "/web/shared/address.js";
import { key } from "/web/shared/key.js";

// `call` is "predict" or "timeline"; `query` has its parameters. A key is named, and not shown.
export const snippetsOf = (call, { file, query = {} }) =>
  ({ curl: curl(call, file, query), Python: python(call, file, query), JavaScript: javascript(call, query) });

function curl(call, file, query) {
  const target = address(`${location.origin}/${call}`, query);
  const header = key() ? '-H "X-API-Key: $KEY" ' : "";
  return `curl ${header}-F video=@${quoted(file)} ${target.includes("?") ? `'${target}'` : target}`;
}

// In single quotes a shell takes everything but the single quote itself as it stands.
const quoted = (name) => (/^[\w.-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`);

function python(call, file, query) {
  const options = Object.entries(query).map(([name, value]) => `, ${name}=${text(value)}`).join("");
  const called = `client.${call}(${text(file)}${options})`;
  return [
    ...(key() ? ["import os", ""] : []),
    "import tin",
    "",
    `with tin.Client(${text(location.origin)}${key() ? ', os.environ["KEY"]' : ""}) as client:`,
    ...(call === "timeline"
      ? [`    for window in ${called}:`, "        print(window.start_seconds, window.predictions[0].label)"]
      : [`    print(${called})`]),
  ].join("\n");
}

function javascript(call, query) {
  const options = Object.keys(query).length ? `, ${text(query)}` : "";
  const called = `client.${call}(file${options})`;
  return [
    `import { Client } from ${text(`${location.origin}/client.js`)};`,
    "",
    'const file = document.querySelector("input[type=file]").files[0];',
    `const client = new Client(${text(location.origin)}${key() ? ", { key }" : ""});`,
    ...(call === "timeline"
      ? [`for await (const row of ${called}) console.log(row);`]
      : [`const { predictions } = await ${called};`, "console.log(predictions[0].label);"]),
  ].join("\n");
}

// JSON's strings mean the same in Python and JavaScript.
const text = (value) => JSON.stringify(value);
