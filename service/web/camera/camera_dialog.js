// Camera dialog: preview, countdown, one take or several; then the camera is switched off.

import { cameras, closeCamera, film, isMirrored, openCamera, otherCamera } from "/web/camera/camera.js";
import { at, element } from "/web/shared/element.js";

const COUNTDOWN = [3, 2, 1];

const ONE_CLIP = {
  title: "Record a clip", note: "Four seconds, without sound. Nothing is kept.", seconds: 4, takes: 1, facing: "environment",
};

// The recorded File, or null when it was cancelled; throws a problem {title, detail}.
export async function record(wish = {}) {
  let clip = null;
  await run({ ...ONE_CLIP, ...wish, onTake: (taken) => { clip = taken; at("camera").close(); } });
  return clip;
}

// Records takes until the dialog is closed, and gives each File to `onTake`. How long and how many is chosen there.
export const recordTakes = (wish) => run({ ...wish, isSeries: true });

export const closeDialog = () => at("camera")?.close();

async function run(plan) {
  let camera = await openCamera(plan.facing);
  const dialog = at("camera") ?? document.body.appendChild(madeDialog());
  const cancelled = new AbortController();
  dialog.onclose = () => cancelled.abort();
  at("camera-cancel").onclick = () => dialog.close();
  at("camera-title").textContent = plan.title;
  at("camera-choices").hidden = !plan.isSeries;
  look(camera, plan.facing);
  const switching = switched(async () => {
    camera = await otherCamera(camera);
    if (cancelled.signal.aborted) closeCamera(camera);
    else look(camera, plan.facing);
  });
  dialog.showModal();
  try {
    await Promise.race([aborted(cancelled.signal), switching, filmAll(() => camera, plan, cancelled.signal)]);
  } finally {
    closeCamera(camera);
    at("viewfinder").srcObject = null;
    dialog.close();
  }
}

function look(camera, facing) {
  at("viewfinder").srcObject = camera;
  at("viewfinder").classList.toggle("mirrored", isMirrored(camera, facing));
  cameras().then(({ length }) => { at("camera-switch").hidden = length < 2; });
}

// Never settles, but fails where the other camera does.
const switched = (turn) => new Promise((_, reject) => {
  at("camera-switch").onclick = () => { turn().catch(reject); };
});

async function filmAll(camera, plan, signal) {
  setScene(plan.note, "Start");
  at("camera-cancel").textContent = "Cancel";
  for (let count = 0; !signal.aborted;) {
    at("shutter").focus();
    await clicked(at("shutter"));
    const { seconds, takes } = plan.isSeries ? chosen() : plan;
    for (let number = 1; number <= takes; number += 1) {
      const clip = await countdownAndTake(camera(), seconds, takes > 1 ? `Take ${number} of ${takes}` : "Recording", signal);
      if (!clip) return;
      count += 1;
      plan.onTake(clip);
    }
    if (!plan.isSeries) return;
    setScene(count === 1 ? "One take recorded." : `${count} takes recorded.`, "Record more");
    at("camera-cancel").textContent = "Done";
  }
}

async function countdownAndTake(camera, seconds, words, signal) {
  at("shutter").disabled = true;
  setChoosing(false);
  for (const left of COUNTDOWN) {
    showCountdown(left, words);
    await wait(1000);
    if (signal.aborted) return null;
  }
  setScene(words, "Stop");
  const { clip, stop } = film(camera, seconds, (share) => { at("camera-progress").value = share; });
  at("shutter").onclick = stop;
  at("viewfinder").classList.add("on-air");
  const taken = await clip;
  at("viewfinder").classList.remove("on-air");
  return signal.aborted ? null : taken;
}

const chosen = () => ({ seconds: Number(at("camera-seconds").value), takes: Number(at("camera-takes").value) });

function setScene(note, action) {
  at("camera-note").textContent = note;
  at("shutter").textContent = action;
  at("shutter").disabled = false;
  setChoosing(action !== "Stop");
  at("camera-progress").value = 0;
  showCountdown(null);
}

function setChoosing(choosing) {
  for (const id of ["camera-takes", "camera-seconds", "camera-switch"]) at(id).disabled = !choosing;
}

function showCountdown(left, words) {
  at("countdown").hidden = left === null;
  at("countdown").textContent = left;
  if (left !== null) at("camera-note").textContent = `${words} in ${left}`;
}

function madeDialog() {
  const dialog = element("dialog", [
    element("h2", [], { id: "camera-title" }),
    element("div", [
      element("video", [], { id: "viewfinder", muted: true, autoplay: true, playsInline: true, ariaLabel: "What the camera sees" }),
      element("span", [], { id: "countdown", className: "countdown", ariaHidden: "true", hidden: true }),
    ], { className: "viewfinder" }),
    element("p", [], { id: "camera-note", role: "status" }),
    element("progress", [], { id: "camera-progress", max: 1, value: 0, ariaLabel: "Recorded" }),
    element("div", [
      choice("camera-takes", "Takes", [1, 3, 5, 10], 5), choice("camera-seconds", "Seconds each", [1, 2, 3, 4, 6], 2),
    ], { id: "camera-choices", className: "camera-choices" }),
    element("div", [
      element("button", "Other camera", { id: "camera-switch", type: "button", className: "quiet", hidden: true }),
      element("button", "Cancel", { id: "camera-cancel", type: "button", className: "quiet" }),
      element("button", "Start", { id: "shutter", type: "button", className: "primary" }),
    ], { className: "choices" }),
  ], { id: "camera", className: "camera" });
  dialog.setAttribute("aria-labelledby", "camera-title");
  return dialog;
}

function choice(id, words, values, usual) {
  const options = values.map((value) => element("option", String(value), { value, defaultSelected: value === usual }));
  return element("span", [element("label", words, { htmlFor: id }), element("select", options, { id })]);
}

const aborted = (signal) => new Promise((resolve) => { signal.onabort = () => resolve(null); });
const clicked = (button) => new Promise((resolve) => { button.onclick = resolve; });
const wait = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });
