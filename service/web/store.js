// The versions of the model store, read again every few seconds.

import { at, element } from "/web/element.js";
import { NO_ANSWER } from "/web/problem.js";

const SECONDS_BETWEEN_LOOKS = 5;

const MEANINGS = {
  ready: "answers",
  down: "waits for the server that runs it",
  refused: "is not served",
};

// What somebody has opened stays open.
const opened = new Set();
let shown = "";

async function look() {
  try {
    const text = await (await fetch("/models")).text();
    if (text !== shown) show(JSON.parse(text));
    shown = text;
    at("trouble").hidden = true;
  } catch {
    at("trouble").textContent = NO_ANSWER.detail;
    at("trouble").hidden = false;
  }
}

function show({ default: usual, models }) {
  const newest = models.findLast(({ name, status }) => name === usual && status === "ready");
  at("models").replaceChildren(...models.map((model) => card(model, model === newest)));
  if (!models.length) at("models").append(element("p", "The store is empty.", { className: "card" }));
}

function card(model, isDefault) {
  const made = element("section", "", { className: `card version ${model.status}` });
  const heading = element("h2", `${model.name} `);
  heading.append(element("span", model.version, { className: "muted" }));
  const status = element("p", "", { className: "eyebrow" });
  status.append(element("b", model.status), ` – ${MEANINGS[model.status]}${isDefault ? ", also whoever names no model" : ""}`);
  made.append(status, heading);
  if (model.reason) made.append(element("p", model.reason, { className: "reason" }));
  if (model.artifact) made.append(facts(model), labels(model));
  return made;
}

function facts({ artifact, choice, digest, num_frames: frames }) {
  const list = element("dl");
  const told = { Runs: artifact, Because: choice, Digest: digest, Sees: `${frames} frames` };
  list.append(...Object.entries(told).flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
  return list;
}

function labels({ name, version, labels: names }) {
  const key = `${name}/${version}`;
  const made = element("details", "", { open: opened.has(key) });
  made.addEventListener("toggle", () => opened[made.open ? "add" : "delete"](key));
  const list = element("ol", "", { start: 0 }); // as `index` in answers
  list.append(...names.map((label) => element("li", label)));
  made.append(element("summary", `${names.length} actions`), list);
  return made;
}

await look();
setInterval(() => document.hidden || look(), SECONDS_BETWEEN_LOOKS * 1000);
