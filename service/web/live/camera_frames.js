// Frames of a video that plays: their pixels, and when the camera saw each.

const MOST_PER_SECOND = 30;
const EARLY = 5; // ms; cameras are not exactly on time

// Gives {data, width, height} and the time in ms to `take`, at most so many a second, until the signal aborts.
export function watchFrames(video, signal, take) {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true, alpha: false });
  let last = -Infinity;

  function look(seen) {
    const [width, height] = [video.videoWidth, video.videoHeight];
    if (signal.aborted || !width || seen < last + 1000 / MOST_PER_SECOND - EARLY) return;
    last = seen;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    context.drawImage(video, 0, 0); // at its own size, so that no browser's way of scaling comes in
    take(context.getImageData(0, 0, width, height), seen);
  }

  onEachFrame(video, signal, look);
}

// Browsers without requestVideoFrameCallback draw what is there whenever the screen is drawn.
function onEachFrame(video, signal, look) {
  const hasCallback = "requestVideoFrameCallback" in video;
  const next = () => (hasCallback ? video.requestVideoFrameCallback(step) : requestAnimationFrame(step));
  function step(now, { captureTime } = {}) {
    if (signal.aborted) return;
    look(Math.min(now, captureTime ?? now));
    next();
  }
  next();
}
