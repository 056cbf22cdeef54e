// Timeline of a long clip: windows are drawn as POST /timeline streams them, then merged into segments.

import { Client } from "/client.js";
import { modelQuery } from "/web/model/chosen_model.js";
import { at, element, say } from "/web/shared/element.js";
import { key } from "/web/shared/key.js";
import { NO_ANSWER, adviceFor } from "/web/shared/problem.js";
import { clock, roughly, sentence } from "/web/shared/wording.js";

const LONG_SECONDS = 6;
const NUM_HUES = 8;
const NUM_TICKS = 5;

let running = null;

export function offerTimeline(clip, { clip: { duration_seconds: duration } }) {
  withdrawTimeline();
  at("timeline").hidden = duration <= LONG_SECONDS;
  at("timeline-start").onclick = () => run(clip);
  at("timeline-cancel").onclick = () => { stop(); tell("Cancelled."); };
}

export function withdrawTimeline() {
  stop();
  note("");
  for (const id of ["timeline", "band", "band-axis", "segments"]) at(id).hidden = true;
}

function stop() {
  running?.abort();
  running = null;
  setRunning(false);
}

async function run(clip) {
  stop();
  const mine = running = new AbortController();
  setRunning(true);
  at("segments").hidden = true;
  tell("Sending");
  try {
    await draw(clip, mine.signal);
  } catch (problem) {
    if (!mine.signal.aborted) tell(inWords(problem));
  } finally {
    if (running === mine) stop();
  }
}

// The page says when to come again, so nothing is retried.
async function draw(clip, signal) {
  const client = new Client(location.origin, { key: key(), retrySeconds: 0 });
  let band = null;
  for await (const row of client.timeline(clip, { signal, ...modelQuery() })) {
    if (row.kind === "clip") band = new Band(row);
    else if (row.kind === "window") band.addWindow(row);
    else if (row.kind === "segments") band.finish(row.segments);
  }
}

// What is drawn over the length of one clip.
class Band {
  constructor({ clip, num_windows: numWindows, min_probability: minProbability = 0 }) {
    this.duration = clip.duration_seconds;
    this.minProbability = minProbability;
    this.numWindows = numWindows;
    this.drawn = 0;
    this.lastEnd = 0;
    this.hues = new Map();
    this.playhead = element("i", "", { className: "playhead" });
    at("band").replaceChildren(this.playhead);
    at("band-axis").replaceChildren(...ticks(this.duration));
    at("band").hidden = at("band-axis").hidden = false;
    at("preview").ontimeupdate = () => { this.playhead.style.left = this.share(at("preview").currentTime); };
  }

  share(seconds) {
    return `${Math.min(100, (seconds / this.duration) * 100)}%`;
  }

  hue({ label, likely }) {
    if (label === null || likely === false) return "hue-none";
    if (!this.hues.has(label)) this.hues.set(label, `hue-${this.hues.size % NUM_HUES}`);
    return this.hues.get(label);
  }

  // Where two windows overlap, each has half.
  addWindow({ start_seconds: start, end_seconds: end, likely, predictions: [{ label: top1, probability }] }) {
    const from = this.drawn ? (start + this.lastEnd) / 2 : start;
    const label = probability < this.minProbability ? null : top1;
    at("band").append(this.part({ start_seconds: from, end_seconds: end, likely, label, probability }));
    this.lastEnd = end;
    this.drawn += 1;
    at("timeline-progress").value = this.drawn / this.numWindows;
    note(`${this.drawn} of ${this.numWindows} windows: ${named({ label, likely })}`);
  }

  finish(segments) {
    at("band").replaceChildren(...segments.map((segment) => this.part(segment)), this.playhead);
    at("segment-rows").replaceChildren(...segments.map((segment) => this.row(segment)));
    at("segments").hidden = false;
    tell(summary(segments));
  }

  part(segment) {
    const part = element("span", segment.likely === false ? "" : segment.label ?? "", { className: `part ${this.hue(segment)}`, title: described(segment) });
    part.style.left = this.share(segment.start_seconds);
    part.style.width = this.share(segment.end_seconds - segment.start_seconds);
    part.onclick = () => seek(segment);
    return part;
  }

  row(segment) {
    const start = element("button", clock(segment.start_seconds), { type: "button", className: "quiet" });
    start.ariaLabel = `Play from ${clock(segment.start_seconds)}: ${named(segment)}`;
    start.disabled = at("preview").hidden;
    start.onclick = () => seek(segment);
    const label = element("td");
    label.append(element("i", "", { className: `swatch ${this.hue(segment)}` }), named(segment));
    const from = element("td");
    from.append(start);
    const made = element("tr");
    made.append(from, element("td", clock(segment.end_seconds)), label, element("td", certainty(segment)));
    return made;
  }
}

function named({ label, likely }) {
  if (label === null) return "Nothing named";
  return likely === false ? `None that it knows; nearest: ${label}` : label;
}

// Of a part that names nothing it would be how sure the model is of actions that are not shown.
const certainty = ({ label, probability }) => (label === null ? "" : roughly(probability));

const described = (segment) =>
  [`${clock(segment.start_seconds)} to ${clock(segment.end_seconds)}: ${named(segment)}`, certainty(segment)].filter(Boolean).join(", ");

function summary(segments) {
  if (segments.every(({ label }) => label === null)) return "Nothing in it that this model can name.";
  return segments.length === 1 ? "The same all the way through." : `${segments.length} parts. Choose one to see it.`;
}

const ticks = (duration) =>
  Array.from({ length: NUM_TICKS }, (_, place) => element("span", clock((duration * place) / (NUM_TICKS - 1))));

function seek({ start_seconds: start }) {
  at("preview").currentTime = start;
  at("preview").scrollIntoView({ block: "nearest" });
}

function setRunning(isRunning) {
  at("timeline-start").hidden = isRunning;
  at("timeline-cancel").hidden = at("timeline-progress").hidden = !isRunning;
  if (isRunning) at("timeline-progress").removeAttribute("value");
}

// Screen readers get the begin and the end, not each window.
const note = (text) => { at("timeline-note").textContent = text; };
const tell = (text) => { note(text); say(text); };

function inWords(problem) {
  const { title, detail } = problem.title ? problem : NO_ANSWER;
  return [`${title}:`, sentence(detail), adviceFor(problem)].join(" ").trim();
}
