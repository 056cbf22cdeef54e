// Turns an answer into the page's elements.

import { bars } from "/web/shared/bars.js";
import { at, element, terms } from "/web/shared/element.js";
import { showInterlacing } from "/web/predict/interlace.js";
import { showStability } from "/web/predict/stability.js";
import { capital, milliseconds, percent } from "/web/shared/wording.js";

// Below this probability the top-1 action is more likely wrong than right.
const SURE = 0.5;

// Gives the answer as a sentence; `known` is how much the model knows, as in "16 motions".
export function showResult({ predictions, likely, model, clip, frames, temporal, interlacing, stability, timing_ms: timing }, known) {
  const [{ label, probability }] = predictions;
  const isUnlikely = likely === false;
  const verdict = isUnlikely || probability >= SURE ? "It looks like" : "It is not sure. Most of all it looks like";
  const answer = isUnlikely ? `None of the ${known} this model knows` : label;
  at("verdict").textContent = verdict;
  at("answer").textContent = answer;
  at("nearest").hidden = !isUnlikely;
  at("bars").classList.toggle("unlikely", isUnlikely);
  at("bars").replaceChildren(...bars(predictions));
  showStability(isUnlikely ? null : stability, label);
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
  return isUnlikely ? `${verdict}: ${answer}` : `${verdict}: ${label}, ${percent(probability)}`;
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
