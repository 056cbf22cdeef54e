// Known motions: the labels of the chosen model, from GET /models.

import { modelQuery } from "/web/model/chosen_model.js";
import { at, element } from "/web/shared/element.js";

// More labels than these are searched in a list that scrolls.
const MOST_AT_A_GLANCE = 40;

let models = [];

// Gives the model's row of GET /models: undefined where no such model is loaded, null where no answer came. The page works
// without it, so that a service that is gone is told when a clip is sent.
export async function showKnown() {
  const answer = await fetch("/models").then((response) => response.json()).catch(() => null);
  const usual = modelQuery().model ?? answer?.default;
  models = answer?.models ?? [];
  const chosen = models.find(({ name, is_default: isDefault, labels }) => name === usual && isDefault && labels);
  show(chosen);
  return answer && chosen;
}

function show(model) {
  at("known").hidden = !model;
  if (!model) return;
  const { labels } = model;
  at("known-count").textContent = motions(labels.length);
  at("known-search").hidden = labels.length <= MOST_AT_A_GLANCE;
  at("known-search").oninput = () => list(labels);
  list(labels);
}

function list(labels) {
  const words = at("known-search").value.toLowerCase().split(/\s+/);
  const found = labels.filter((label) => words.every((word) => label.toLowerCase().includes(word)));
  at("known-labels").replaceChildren(...found.map((label) => element("li", label)));
  at("known-none").hidden = found.length > 0;
}

const motions = (count) => `${count} motion${count === 1 ? "" : "s"}`;

// Leaves the room to the answer; the heading stays, to open it again.
export const foldKnown = () => { at("known").open = false; };

// "16 motions", of the version that answered, which may be newer than the page.
export async function countKnown({ name, version }) {
  const find = () => models.find((model) => model.name === name && model.version === version)?.labels;
  if (!find()) await showKnown();
  return find() ? motions(find().length) : "motions";
}
