// The new model, tried: by a camera that goes on, a recording, or a clip.

import { address } from "/web/shared/address.js";
import { bars } from "/web/shared/bars.js";
import { closeCamera, film, isMirrored, openCamera } from "/web/camera/camera.js";
import { record } from "/web/camera/camera_dialog.js";
import { at, element } from "/web/shared/element.js";
import { send } from "/web/shared/predict.js";
import { roughly } from "/web/shared/wording.js";

const SECONDS = 2;
const SURE = 0.5;

let model = null;
let camera = null;
let shown = null;
let trouble = () => {};

// Offers the model of a training that has ended.
export function offerTrial(job, hooks) {
  ({ published: model } = job);
  ({ trouble } = hooks);
  at("try").hidden = false;
  const links = [element("a", "Open it on the main page", { href: address("/", { model: model.model }) })];
  if (job.has_report) links.push(element("a", "Read its report", { href: `/teach/reports/${job.id}`, target: "_blank" }));
  at("try-links").replaceChildren(...links);
  at("try-live").onclick = () => (camera ? stop() : live());
  at("try-record").onclick = recordOne;
  at("try-file").onchange = () => { if (at("try-file").files.length) tryClip(at("try-file").files[0]); at("try-file").value = ""; };
  if (!at("try-label").textContent) tell("Nothing yet", "Do one of your actions", []);
}

export function withdrawTrial() {
  stop();
  at("try").hidden = true;
}

export async function tryClip(clip) {
  stop();
  preview(clip);
  await answer(clip);
}

async function recordOne() {
  stop();
  try {
    const clip = await record({ seconds: SECONDS, note: "Two seconds, without sound. Nothing is kept.", facing: "user" });
    if (clip) await tryClip(clip);
    else at("try-record").focus();
  } catch (problem) {
    trouble(problem);
  }
}

// Two seconds after two seconds, each answered while the next are filmed.
async function live() {
  try {
    const mine = camera = await openCamera("user");
    watch(mine);
    while (camera === mine) {
      const clip = await film(mine, SECONDS).clip;
      if (camera === mine && clip.size && !await answer(clip)) break;
    }
  } catch (problem) {
    trouble(problem);
  }
  stop();
}

function stop() {
  if (!camera) return;
  closeCamera(camera);
  camera = null;
  at("try-preview").srcObject = null;
  at("try-preview").classList.remove("mirrored");
  at("try-live").textContent = "Start the camera";
}

async function answer(clip) {
  try {
    const query = { model: model.model, version: model.version, top_k: "all" };
    const { predictions, likely } = await send(clip, { query, signal: new AbortController().signal, onProgress: () => {} });
    const [{ label, probability }] = predictions;
    const verdict = likely === false ? "Most likely none of them; nearest" : probability < SURE ? "Not sure; most of all" : "It sees";
    tell(verdict, `${label}, ${roughly(probability)}`, predictions);
    return true;
  } catch (problem) {
    trouble(problem, () => tryClip(clip));
    return false;
  }
}

function tell(verdict, label, predictions) {
  at("try-verdict").textContent = verdict;
  at("try-label").textContent = label;
  at("try-bars").replaceChildren(...bars(predictions));
}

function watch(stream) {
  forget();
  at("try-preview").srcObject = stream;
  at("try-preview").classList.toggle("mirrored", isMirrored(stream, "user"));
  at("try-preview").play().catch(() => {});
  at("try-live").textContent = "Stop the camera";
}

function preview(clip) {
  forget();
  shown = URL.createObjectURL(clip);
  at("try-preview").src = shown;
  at("try-preview").play().catch(() => {});
}

function forget() {
  if (shown) URL.revokeObjectURL(shown);
  shown = null;
  at("try-preview").removeAttribute("src");
}
