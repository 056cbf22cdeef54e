// Turns an answer into the page's elements.

import { at, element } from "/web/element.js";
import { showInterlacing } from "/web/interlace.js";
import { showStability } from "/web/stability.js";
import { capital, milliseconds, percent } from "/web/wording.js";

// Below it, anything but the first action is likelier.
const SURE = 0.5;

export function showResult({ predictions, model, clip, frames, interlacing, stability, timing_ms: timing }) {
  const verdict = predictions[0].probability < SURE ? "It is not sure. Most of all it looks like" : "It looks like";
  at("verdict").textContent = verdict;
  at("answer").textContent = predictions[0].label;
  at("bars").replaceChildren(...predictions.map(bar));
  showStability(stability, predictions[0].label);
  at("frames").replaceChildren(...frames.map(frame));
  showInterlacing(interlacing, frames);
  list("model", { Name: model.name, Version: model.version, Digest: model.digest.slice(0, 19) });
  list("clip", {
    Format: `${clip.codec} in ${clip.container.split(",")[0]}`,
    Size: `${clip.width} × ${clip.height}`,
    Length: `${clip.duration_seconds.toFixed(1)} s, ${clip.frames} frames`,
  });
  list("timing", Object.fromEntries(Object.entries(timing).map(([stage, spent]) => [capital(stage), milliseconds(spent)])));
  at("result").hidden = false;
  return `${verdict}: ${predictions[0].label}, ${percent(predictions[0].probability)}`;
}

function bar({ label, probability }) {
  const fill = element("i");
  fill.style.width = `${probability * 100}%`;
  const track = element("span", "", { className: "track", ariaHidden: "true" });
  track.append(fill);
  const row = element("li");
  row.append(element("span", label), element("span", percent(probability)), track);
  return row;
}

function frame({ index, time_seconds: time, image }) {
  const seconds = `${time.toFixed(2)} s`;
  const caption = element("figcaption", `frame ${index}`);
  caption.prepend(element("b", seconds));
  const figure = element("figure");
  figure.append(element("img", "", { src: image, alt: `Frame ${index}, at ${seconds}` }), caption);
  const item = element("li");
  item.append(figure);
  return item;
}

function list(id, facts) {
  const rows = Object.entries(facts).flatMap(([name, value]) => [element("dt", name), element("dd", value)]);
  at(id).replaceChildren(...rows);
}
