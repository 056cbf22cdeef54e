// The page: one clip at a time goes to POST /predict; the answer is shown in place.

import { record } from "/web/camera/camera_dialog.js";
import { modelQuery, showChosenModel } from "/web/model/chosen_model.js";
import { address } from "/web/shared/address.js";
import { at, element, say } from "/web/shared/element.js";
import { countKnown, foldKnown, showKnown } from "/web/model/known.js";
import { send } from "/web/shared/predict.js";
import { NO_ANSWER, showProblem } from "/web/shared/problem.js";
import { showResult } from "/web/predict/show.js";
import { snippetsOf } from "/web/shared/snippets.js";
import { tabs } from "/web/shared/tabs.js";
import { offerTimeline, withdrawTimeline } from "/web/predict/timeline.js";

const EXAMPLE = "/web/predict/example.mp4";

const form = at("form");
const file = at("file");

let running = null;
let previewUrl = null;

function showProgress({ stage, fraction }) {
  at("stage").textContent = stage;
  if (fraction === null) at("progress").removeAttribute("value");
  else at("progress").value = fraction;
}

function preview(clip) {
  if (previewUrl) URL.revokeObjectURL(previewUrl);
  previewUrl = URL.createObjectURL(clip);
  const video = at("preview");
  video.hidden = false;
  at("no-preview").hidden = true;
  video.onerror = () => { video.hidden = true; at("no-preview").hidden = false; };
  video.src = previewUrl;
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) video.autoplay = true;
}

function showSnippets(file) {
  at("snippets").replaceChildren(tabs(snippetsOf("predict", { file, query: modelQuery() })));
}

function showPrompt(name, action, rest = "") {
  at("prompt").replaceChildren(name, name && " \u00b7 ", element("strong", action), rest);
}

function setWorking(working) {
  at("working").hidden = !working;
  at("others").hidden = working;
  form.setAttribute("aria-busy", String(working));
}

// Puts the page back to where nothing is shown, and gives the signal of the work that begins.
function begin() {
  running?.abort();
  withdrawTimeline();
  at("problem").hidden = at("result").hidden = true;
  running = new AbortController();
  return running;
}

async function predict(clip) {
  const mine = begin();
  form.classList.add("compact");
  foldKnown();
  showPrompt(clip.name, "choose another");
  showSnippets(clip.name);
  setWorking(true);
  say(`Sending ${clip.name}`);
  try {
    const answer = await send(clip, { signal: mine.signal, onProgress: showProgress, query: { explain: true, stability: true, ...modelQuery() } });
    const known = await countKnown(answer.model);
    if (mine.signal.aborted) return;
    preview(clip);
    say(showResult(answer, known));
    offerTimeline(clip, answer);
    at("answer").focus({ preventScroll: true });
  } catch (problem) {
    if (!mine.signal.aborted) showProblem(problem, () => predict(clip));
  } finally {
    if (running === mine) setWorking(false);
  }
}

async function recordClip() {
  begin();
  try {
    const clip = await record();
    if (clip) predict(clip);
    else at("record").focus();
  } catch (problem) {
    showProblem(problem);
  }
}

async function tryExample() {
  begin();
  try {
    const clip = await (await fetch(EXAMPLE)).blob();
    predict(new File([clip], "example.mp4", { type: "video/mp4" }));
  } catch {
    showProblem(NO_ANSWER, tryExample);
  }
}

function reset() {
  begin();
  setWorking(false);
  form.classList.remove("compact");
  showPrompt("", "Choose a clip", " or drop one here");
  say("Cancelled");
  file.focus();
}

file.addEventListener("change", () => {
  if (file.files.length) predict(file.files[0]);
  file.value = ""; // so that the same clip can be chosen again
});
at("record").addEventListener("click", recordClip);
at("example").addEventListener("click", tryExample);
at("cancel").addEventListener("click", reset);
form.addEventListener("submit", (event) => event.preventDefault());

for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    form.classList.toggle("dragging", kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files.length) predict(event.dataTransfer.files[0]);
  });
}

at("go-live").href = address("/live", modelQuery());
showChosenModel();
showKnown();
showSnippets("clip.mp4");
