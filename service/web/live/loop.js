// The loop: one window after another goes to the model, never two at a time, and fewer while the service is busy.

import { infer } from "/web/live/infer.js";

const BUSY = [429, 502, 503, 504];
const LEAST_BETWEEN = 100; // ms from one request to the next; more answers than ten a second would only load the service
const FIRST_PAUSE = 1; // seconds, where the service does not say how long
const LONGEST_PAUSE = 30;
const LOOK_AGAIN = 20; // ms

// Ends when the signal aborts or another version of the model has answered; throws the problem.
// `onAnswer` gets the logits [V][K] and the sample; `onBusy` the problem, and the seconds until the next request.
export async function askAgainAndAgain({ frames, model, signal, onAnswer, onBusy }) {
  let [refused, last] = [0, -Infinity];
  while (await news(frames, last, signal)) {
    const [began, sample] = [performance.now(), frames.sample()];
    last = sample.end;
    try {
      const { logits, version } = await infer(model.name, sample, signal);
      if (version !== model.version) return;
      refused = 0;
      onAnswer(logits, sample);
      await wait(began + LEAST_BETWEEN - performance.now());
    } catch (problem) {
      if (signal.aborted) return;
      if (!BUSY.includes(problem.status)) throw problem;
      const seconds = problem.retryAfter || Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** refused);
      refused += 1;
      onBusy(problem, seconds);
      await wait(seconds * 1000, signal);
    }
  }
}

// True once the window is full and has a frame that came after `last`; false when the signal aborts.
async function news(frames, last, signal) {
  while (!signal.aborted && !(frames.isFull && frames.newest > last)) await wait(LOOK_AGAIN);
  return !signal.aborted;
}

const wait = (milliseconds, signal) => new Promise((resolve) => {
  const timer = setTimeout(resolve, milliseconds);
  signal?.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
});
