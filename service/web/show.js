// Turns an answer into the page's elements.

import { bars } from "/web/bars.js";
import { at, element, terms } from "/web/element.js";
import { showInterlacing } from "/web/interlace.js";
import { showStability } from "/web/stability.js";
import { capital, milliseconds, percent } from "/web/wording.js";

// Below this probability the top-1 action is more likely wrong than right.
const SURE = 0.5;

export function showResult({ predictions, model, clip, frames, temporal, interlacing, stability, timing_ms: timing }) {
  const verdict = predictions[0].probability < SURE ? "It is not sure. Most of all it looks like" : "It looks like";
  at("verdict").textContent = verdict;
  at("answer").textContent = predictions[0].label;
  at("bars").replaceChildren(...bars(predictions));
  showStability(stability, predictions[0].label);
  at("frames").replaceChildren(...frames.map(frame));
  showTemporal(temporal, interlacing, frames);
  at("model").replaceChildren(...terms({ Name: model.name, Version: model.version, Digest: model.digest.slice(0, 19) }));
  at("clip").replaceChildren(...terms({
    Format: `${clip.codec} in ${clip.container.split(",")[0]}`,
    Size: `${clip.width} × ${clip.height}`,
    Length: `${clip.duration_seconds.toFixed(1)} s, ${clip.frames} frames`,
  }));
  const times = Object.entries(timing).map(([stage, spent]) => [capital(stage), milliseconds(spent)]);
  at("timing").replaceChildren(...terms(Object.fromEntries(times)));
  at("result").hidden = false;
  return `${verdict}: ${predictions[0].label}, ${percent(predictions[0].probability)}`;
}

// TIN's picture tells more than its sentence; other networks have only the sentence.
function showTemporal({ description }, interlacing, frames) {
  at("interlacing").hidden = !interlacing;
  at("temporal").hidden = Boolean(interlacing);
  at("temporal-description").textContent = description;
  if (interlacing) showInterlacing(interlacing, frames);
}

function frame({ index, time_seconds: time, image }) {
  const seconds = `${time.toFixed(2)} s`;
  const picture = element("img", [], { src: image, alt: `Frame ${index}, at ${seconds}` });
  const caption = element("figcaption", [element("b", seconds), `frame ${index}`]);
  return element("li", element("figure", [picture, caption]));
}
