// The versions of the model store, read again every few seconds.

import { at, element, terms } from "/web/shared/element.js";
import { NO_ANSWER } from "/web/shared/problem.js";

const SECONDS_BETWEEN_LOOKS = 5;

const MEANINGS = {
  ready: "answers",
  down: "waits for the server that runs it",
  refused: "is not served",
  unloaded: "is not loaded, by its policy",
};

const NETWORKS = {
  tin: "TIN: interlaces its frames",
  tsm: "TSM: shifts its frames",
  none: "TSN: sees single frames",
};

// Opened details stay open when the list is read again.
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
  at("models").replaceChildren(...models.map((model) => card(model, model.name === usual)));
  if (!models.length) at("models").append(element("p", "The store is empty.", { className: "card" }));
}

function card(model, isUsual) {
  const rank = model.is_default ? `, and is the default${isUsual ? "" : ` of ${model.name}`}` : "";
  const meaning = `${MEANINGS[model.status]}${rank}`;
  const parts = [
    element("p", [element("b", model.status), ` – ${meaning}`], { className: "eyebrow" }),
    element("h2", [`${model.name} `, element("span", model.version, { className: "muted" })])];
  if (model.reason) parts.push(element("p", model.reason, { className: "reason" }));
  if (model.policy_refused) {
    parts.push(element("p", `The store's policy is not followed: ${model.policy_refused}`, { className: "reason" }));
  }
  if (model.artifact) parts.push(facts(model), labels(model));
  return element("section", parts, { className: `card version ${model.status}` });
}

const facts = ({ artifact, choice, digest, policy, temporal, num_frames: frames, num_views: views }) =>
  element("dl", terms({
    Network: NETWORKS[temporal], Runs: artifact, Because: choice, Digest: digest, Policy: policy, Sees: views === 1 ? `${frames} frames` : `${frames} frames, in ${views} views`,
  }));

function labels({ name, version, labels: names }) {
  const key = `${name}/${version}`;
  const list = element("ol", names.map((label) => element("li", label)), { start: 0 }); // as `index` in answers
  const made = element("details", [element("summary", `${names.length} actions`), list], { open: opened.has(key) });
  made.addEventListener("toggle", () => opened[made.open ? "add" : "delete"](key));
  return made;
}

await look();
setInterval(() => document.hidden || look(), SECONDS_BETWEEN_LOOKS * 1000);
