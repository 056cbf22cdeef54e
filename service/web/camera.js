// Camera dialog: preview, countdown, four seconds of recording; then the camera is switched off.

import { at } from "/web/element.js";

const SECONDS = 4;
const COUNTDOWN = [3, 2, 1];
const BITS_PER_SECOND = 2_500_000;

const UNAVAILABLE = {
  title: "The camera cannot be used here",
  detail: "Browsers give it only to pages that come over https or from this very computer. Choose a clip instead.",
};

const REFUSED = {
  NotAllowedError: {
    title: "The camera is not allowed",
    detail: "That is fine. To record after all, allow it for this page next to the address; or choose a clip.",
  },
  NotFoundError: { title: "No camera was found", detail: "Connect one, or choose a clip." },
};

const BUSY = { title: "The camera does not start", detail: "Another program may be using it. Or choose a clip." };

// The recorded File, or null when it was cancelled; throws a problem {title, detail}.
export async function record() {
  const camera = await openCamera();
  const dialog = at("camera");
  const cancelled = new AbortController();
  dialog.onclose = () => cancelled.abort();
  at("viewfinder").srcObject = camera;
  at("camera-cancel").onclick = () => dialog.close();
  dialog.showModal();
  try {
    return await Promise.race([aborted(cancelled.signal), film(camera, cancelled.signal)]);
  } finally {
    for (const track of camera.getTracks()) track.stop();
    at("viewfinder").srcObject = null;
    dialog.close();
  }
}

async function openCamera() {
  if (!navigator.mediaDevices || !window.MediaRecorder) throw UNAVAILABLE;
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 640 } } });
  } catch (error) {
    throw REFUSED[error.name] ?? BUSY;
  }
}

async function film(camera, signal) {
  const shutter = at("shutter");
  setScene("Four seconds, without sound. Nothing is kept.", "Start");
  shutter.focus();
  await clicked(shutter);
  shutter.disabled = true;
  for (const left of COUNTDOWN) {
    showCountdown(left);
    await wait(1000);
    if (signal.aborted) return null;
  }
  setScene("Recording", "Stop");
  return take(camera, shutter);
}

async function take(camera, shutter) {
  const recorder = new MediaRecorder(camera, { videoBitsPerSecond: BITS_PER_SECOND });
  const parts = [];
  recorder.ondataavailable = ({ data }) => parts.push(data);
  const stopped = new Promise((resolve) => { recorder.onstop = resolve; });
  recorder.start();
  const began = performance.now();
  const clock = setInterval(() => {
    const share = (performance.now() - began) / (SECONDS * 1000);
    at("camera-progress").value = share;
    if (share >= 1) stop();
  }, 50);
  const stop = () => { if (recorder.state !== "inactive") recorder.stop(); };
  shutter.onclick = stop;
  await stopped;
  clearInterval(clock);
  const type = recorder.mimeType.split(";")[0];
  return new File(parts, `camera.${type.split("/")[1]}`, { type });
}

function setScene(note, action) {
  at("camera-note").textContent = note;
  at("shutter").textContent = action;
  at("shutter").disabled = false;
  at("camera-progress").value = 0;
  showCountdown(null);
}

function showCountdown(left) {
  at("countdown").hidden = left === null;
  at("countdown").textContent = left;
  if (left !== null) at("camera-note").textContent = `Recording in ${left}`;
}

const aborted = (signal) => new Promise((resolve) => { signal.onabort = () => resolve(null); });
const clicked = (button) => new Promise((resolve) => { button.onclick = resolve; });
const wait = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });
