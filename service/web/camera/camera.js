// The camera: opened, and filmed for a few seconds.

const BITS_PER_SECOND = 2_500_000;

const UNAVAILABLE = {
  title: "The camera cannot be used here",
  detail: "Browsers give it only to pages that come over https or from this very computer. Choose a clip instead.",
};

const REFUSED = {
  NotAllowedError: {
    title: "The camera is not allowed",
    detail: "That is fine. To use it after all, allow it for this page next to the address; or choose a clip.",
  },
  NotFoundError: { title: "No camera was found", detail: "Connect one, or choose a clip." },
};

const BUSY = { title: "The camera does not start", detail: "Another program may be using it. Or choose a clip." };

// Chosen by hand, and then for as long as the page is open.
let chosen = null;

// The stream of the camera that was chosen, or else of the one that faces the "user" or the "environment"; throws a
// problem {title, detail}.
export async function openCamera(facingMode) {
  if (!navigator.mediaDevices || !window.MediaRecorder) throw UNAVAILABLE;
  const which = chosen ? { deviceId: { exact: chosen } } : { facingMode };
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { ...which, width: { ideal: 640 } } });
  } catch (error) {
    throw REFUSED[error.name] ?? BUSY;
  }
}

// Those that can be chosen; browsers tell them once one of them is open.
export async function cameras() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter(({ kind, deviceId }) => kind === "videoinput" && deviceId);
}

// Chooses the next camera; the one before is closed first, because phones open one at a time.
export async function otherCamera(camera) {
  const ids = (await cameras()).map(({ deviceId }) => deviceId);
  chosen = ids[(ids.indexOf(settingsOf(camera).deviceId) + 1) % ids.length];
  closeCamera(camera);
  return openCamera();
}

// People expect to see themselves as in a mirror.
export const isMirrored = (camera, facing) => (settingsOf(camera).facingMode ?? facing) === "user";

const settingsOf = (camera) => camera.getVideoTracks()[0].getSettings();

export function closeCamera(camera) {
  for (const track of camera.getTracks()) track.stop();
}

// A recording that has begun: its `clip` is a promise of the File, and `stop` ends it before its time.
export function film(camera, seconds, onShare = () => {}) {
  const recorder = new MediaRecorder(camera, { videoBitsPerSecond: BITS_PER_SECOND });
  const parts = [];
  recorder.ondataavailable = ({ data }) => parts.push(data);
  const stop = () => { if (recorder.state !== "inactive") recorder.stop(); };
  const began = performance.now();
  const clock = setInterval(() => {
    const share = (performance.now() - began) / (seconds * 1000);
    onShare(Math.min(1, share));
    if (share >= 1) stop();
  }, 50);
  const clip = new Promise((resolve) => { recorder.onstop = resolve; }).then(() => {
    clearInterval(clock);
    const type = recorder.mimeType.split(";")[0];
    return new File(parts, `camera.${type.split("/")[1]}`, { type });
  });
  recorder.start();
  return { clip, stop };
}
