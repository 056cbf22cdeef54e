// The page /live: the camera's newest frames go to the model again and again, and its answers are shown as they come.

import { cameras, closeCamera, openCamera, otherCamera } from "/web/camera/camera.js";
import { watchFrames } from "/web/live/camera_frames.js";
import { FrameWindow } from "/web/live/frame_window.js";
import { askAgainAndAgain } from "/web/live/loop.js";
import { Sight } from "/web/live/sight.js";
import { Ticker } from "/web/live/ticker.js";
import { showChosenModel } from "/web/model/chosen_model.js";
import { showKnown } from "/web/model/known.js";
import { at, say } from "/web/shared/element.js";
import { NO_ANSWER, showProblem } from "/web/shared/problem.js";
import { sentence } from "/web/shared/wording.js";

const FACING = "environment";
const REPLACED = [400, 404]; // a new version may take other clips, and the old one is gone
const BETWEEN_LOOKS = 100; // ms

const UNPLUGGED = { title: "The camera stopped", detail: "It was unplugged, or another program took it." };
const NO_MODEL = { title: "No model answers", detail: "The page Models says why.", status: 503 };

const sight = new Sight();
let ticker = null;
let camera = null;
let began = 0;
let running = null; // aborts what reads frames and asks; null while nothing does
let isBusy = false; // the service, at the last request

async function start() {
  at("start").disabled = true;
  at("problem").hidden = true;
  try {
    camera = await openCamera(FACING);
    began = performance.now();
    ticker = new Ticker(at("ticker"));
    sight.clear();
    setLive(true);
    look();
    await run();
  } catch (problem) {
    fail(problem);
  }
}

function stop() {
  halt();
  if (camera) closeCamera(camera);
  camera = null;
  at("viewfinder").srcObject = null;
  setLive(false);
}

function fail(problem) {
  stop();
  showProblem(problem, start);
}

function setLive(isLive) {
  at("sight").classList.toggle("on", isLive);
  for (const id of ["stop", "live"]) at(id).hidden = !isLive;
  at("start").hidden = isLive;
  at("start").disabled = false;
  if (isLive) at("seen").hidden = at("happened").hidden = false;
  else at("other").hidden = true;
}

// The picture is not mirrored: what moves to the right on it does so for the model.
function look() {
  at("viewfinder").srcObject = camera;
  camera.getVideoTracks()[0].onended = () => fail(UNPLUGGED);
  cameras().then(({ length }) => { at("other").hidden = !camera || length < 2; });
}

async function turn() {
  halt();
  try {
    camera = await otherCamera(camera);
    look();
    await run();
  } catch (problem) {
    fail(problem);
  }
}

// Until it is halted; the model is read again when another version of it answers.
async function run() {
  const { signal } = running = new AbortController();
  let model = await chosenModel();
  while (!signal.aborted) {
    try {
      await watch(model, signal);
      if (!signal.aborted) model = await chosenModel();
    } catch (problem) {
      const newest = await chosenModel();
      if (!REPLACED.includes(problem.status) || newest.version === model.version) throw problem;
      model = newest;
    }
  }
}

function halt() {
  running?.abort();
  running = null;
}

async function chosenModel() {
  const model = await showKnown();
  if (!model) throw model === null ? NO_ANSWER : NO_MODEL;
  return model;
}

async function watch(model, signal) {
  const span = model.timeline.window_seconds;
  const frames = new FrameWindow(model.clip, span);
  const ended = new AbortController();
  sight.clear();
  ticker.begin(model.timeline);
  watchFrames(at("viewfinder"), AbortSignal.any([signal, ended.signal]), (picture, seen) => {
    frames.add(picture, seen);
    showFilling(frames.share, span);
  });
  const onAnswer = (logits, sample) => {
    isBusy = false;
    const { label, probability } = sight.show(logits, sample, model);
    const end = (sample.end - began) / 1000;
    ticker.add({ start: end - span, end, label, probability });
  };
  try {
    await askAgainAndAgain({ frames, model, signal, onAnswer, onBusy: showBusy });
  } finally {
    ended.abort();
  }
}

function showFilling(share, span) {
  at("filling").hidden = share === 1;
  at("filling").value = share;
  if (share < 1) at("age").textContent = `Looking at the first ${span} seconds`;
}

function showBusy({ title, detail }, seconds) {
  isBusy = true;
  const words = `${title}: ${sentence(detail)} Next try in ${seconds} s.`;
  at("busy").textContent = words;
  say(words);
}

// Nobody looks at a hidden tab: the camera's light goes out, and nothing is sent.
function pauseOrResume() {
  if (!camera) return;
  halt();
  for (const track of camera.getTracks()) track.enabled = !document.hidden;
  if (!document.hidden) run().catch(fail);
}

setInterval(() => {
  at("busy").hidden = !isBusy;
  const age = sight.age();
  if (age || at("filling").hidden) at("age").textContent = age;
}, BETWEEN_LOOKS);

at("start").addEventListener("click", start);
at("stop").addEventListener("click", () => { stop(); at("start").focus(); });
at("other").addEventListener("click", turn);
document.addEventListener("visibilitychange", pauseOrResume);
showChosenModel();
showKnown();
