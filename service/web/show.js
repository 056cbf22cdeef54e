// Turns answers and problems into the page's elements. Text is set as text, never as HTML.

const at = (id) => document.getElementById(id);

const ADVICE = {
  "not-a-video": "Choose a video file, such as an MP4 from a phone or a camera.",
  undecodable: "It may not have been copied to its end. Try sending the original again.",
  "no-frames": "Try another clip, or convert this one to MP4.",
  "bounds-exceeded": "Cut a few seconds out of it, or make it smaller.",
  "upload-too-large": "Cut a few seconds out of it, or make it smaller.",
  "empty-upload": "The file has no content. Try the original.",
  "not-ready": "The operator of this service has to look at its models.",
};

export function showProblem({ type, title, detail }) {
  at("problem-title").textContent = title;
  at("problem-detail").textContent = sentence(detail);
  at("problem-advice").textContent = ADVICE[type?.split("/").pop()] ?? "";
  at("problem").hidden = false;
}

export function showResult({ predictions, model, clip, frames, timing_ms: timing }) {
  at("answer").textContent = predictions[0].label;
  at("bars").replaceChildren(...predictions.map(bar));
  at("frames").replaceChildren(...frames.map(frame));
  list("model", { Name: model.name, Version: model.version, Digest: model.digest.slice(0, 19) });
  list("clip", {
    Format: `${clip.codec} in ${clip.container.split(",")[0]}`,
    Size: `${clip.width} × ${clip.height}`,
    Length: `${clip.duration_seconds.toFixed(1)} s, ${clip.frames} frames`,
  });
  list("timing", Object.fromEntries(Object.entries(timing).map(([stage, spent]) => [capital(stage), milliseconds(spent)])));
  at("result").hidden = false;
  return `It looks like: ${predictions[0].label}, ${percent(predictions[0].probability)}`;
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

function element(tag, text = "", properties = {}) {
  return Object.assign(document.createElement(tag), text && { textContent: text }, properties);
}

const percent = (probability) => `${(probability * 100).toFixed(1)} %`;
const milliseconds = (spent) => `${spent < 10 ? spent.toFixed(1) : Math.round(spent)} ms`;
const capital = (word) => word[0].toUpperCase() + word.slice(1);
const sentence = (words) => `${capital(words)}${/[.!?]$/.test(words) ? "" : "."}`;
