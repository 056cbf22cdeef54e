// The training: begun, followed as GET /teach/events streams it, cancelled; and what came of it.

import { at, drawing, element, say } from "/web/shared/element.js";
import { objectsOf } from "/client.js";
import { call, json } from "/web/teach/teach_api.js";
import { duration, roughly, sentence } from "/web/shared/wording.js";

const STAGES = {
  read: "Look at the takes", train: "Learn", evaluate: "Test itself", export: "Get ready", publish: "Publish", serve: "Go live",
};
const DOINGS = {
  start: "The training starts",
  read: "It looks at every take",
  train: "It learns",
  evaluate: "It tests itself with takes that it has not learned from",
  export: "It is made fast, and compared with what was trained. That takes a minute or two",
  publish: "It is put into the model store",
};
const SECONDS_BETWEEN_TRIES = 2;
const NUM_NOTES = 3;
const CURVE = { width: 320, height: 60 };

let following = false;

// `onReady` gets the model that answers; `onEnd` is called when a training has ended; `trouble` shows a problem.
export async function begin(name, hooks) {
  try {
    show(await json("POST", "/train", { query: { name } }), hooks);
    await follow(hooks);
  } catch (problem) {
    hooks.trouble(problem, () => begin(name, hooks));
  }
}

export async function cancel(hooks) {
  at("job-cancel").disabled = true;
  try {
    await call("DELETE", "/train");
  } catch (problem) {
    hooks.trouble(problem);
  }
}

// Until the end, also when the connection breaks off or the service is started again.
export async function follow(hooks) {
  if (following) return;
  following = true;
  let job = null;
  while (job === null || isOpen(job)) {
    try {
      for await (const row of objectsOf((await call("GET", "/events")).body)) {
        if (row.id) show(job = row, hooks);
      }
      if (job === null) break;
    } catch (problem) {
      if (problem.status < 500) { hooks.trouble(problem, () => follow(hooks)); break; }
    }
    if (job === null || isOpen(job)) await new Promise((resolve) => { setTimeout(resolve, SECONDS_BETWEEN_TRIES * 1000); });
  }
  following = false;
  hooks.onEnd();
}

const isRunning = ({ status }) => status === "running" || status === "cancelling";
export const isOpen = (job) => isRunning(job) || job.serving === "loading";

export function show(job, hooks) {
  at("job").hidden = !isOpen(job);
  at("job-cancel").hidden = !isRunning(job);
  at("job-cancel").disabled = job.status === "cancelling";
  showStages(job);
  showProgress(job);
  showAccuracy(job);
  at("job-notes").replaceChildren(...(job.notes ?? []).slice(-NUM_NOTES).map((note) => element("li", sentence(note))));
  showOutcome(job);
  if (job.serving === "ready") hooks.onReady(job);
}

function showStages(job) {
  const keys = Object.keys(STAGES);
  const current = keys.indexOf(job.published ? "serve" : job.stage);
  at("stages").replaceChildren(...keys.map((key, place) => {
    const state = place < current ? "done" : place === current ? "current" : "";
    const stage = element("li", STAGES[key], { className: state });
    if (state === "current") stage.ariaCurrent = "step";
    return stage;
  }));
}

function showProgress(job) {
  const { progress } = job;
  if (progress?.total) at("job-progress").value = progress.done / progress.total;
  else at("job-progress").removeAttribute("value");
  at("job-text").textContent = [...words(job)].filter(Boolean).map(sentence).join(" ");
}

function* words({ status, stage, progress, plan, train, validation, serving, name }) {
  if (status === "cancelling") { yield "Ending the training"; return; }
  if (serving === "loading") { yield `The service is loading ${name}`; return; }
  yield DOINGS[stage];
  if (progress?.eta_seconds) yield `About ${duration(progress.eta_seconds)} to go`;
  if (stage !== "train") return;
  if (train) yield `It has ${train} takes to learn from, and ${validation} others to test itself`;
  if (plan) yield `It looks at each ${plan.epochs} times, at ${plan.side} \u00d7 ${plan.side} pixels`;
}

function showAccuracy({ validations }) {
  at("accuracy").hidden = !validations.length;
  if (!validations.length) return;
  const last = validations.at(-1);
  at("accuracy-words").textContent = `Right in its own test: ${roughly(last.top1)}; at best ${roughly(last.best)}`;
  at("accuracy-curve").replaceChildren(curve(validations));
}

function curve(validations) {
  const last = Math.max(1, validations.length - 1);
  const points = validations.map(({ top1 }, place) => [(place / last) * CURVE.width, (1 - top1) * CURVE.height]);
  const picture = drawing("svg", { viewBox: `-4 -4 ${CURVE.width + 8} ${CURVE.height + 8}`, role: "img", "aria-label": "Accuracy over time" },
    drawing("line", { class: "ground", x1: 0, x2: CURVE.width, y1: CURVE.height, y2: CURVE.height }),
    drawing("line", { class: "ground", x1: 0, x2: CURVE.width, y1: 0, y2: 0 }),
    drawing("polyline", { points: points.map((point) => point.map((each) => each.toFixed(1)).join()).join(" ") }));
  const [x, y] = points.at(-1);
  picture.append(drawing("circle", { cx: x, cy: y, r: 3.5 }));
  return picture;
}

const OUTCOMES = {
  cancelled: () => ["The training was cancelled. Nothing was published.", ""],
  failed: ({ error }) => ["The training failed.", sentence(error)],
  done: ({ published, validation, serving, refused }) => {
    if (serving === "refused") return [`${published.model} ${published.version} was made, but is not served.`, sentence(refused)];
    const share = published.accuracy === undefined ? "" : `It was right in ${roughly(published.accuracy)} of its own test`;
    const clips = validation ? ` (${validation} takes that it had not learned from)` : "";
    return [`${published.model} ${published.version} is ready.`, share && `${share}${clips}.`];
  },
};

function showOutcome(job) {
  at("outcome").hidden = isOpen(job);
  if (isOpen(job)) return;
  const [outcome, detail] = OUTCOMES[job.status](job);
  at("outcome").className = `outcome ${job.serving === "refused" ? "failed" : job.status}`;
  if (at("outcome-words").textContent !== outcome) say(outcome);
  at("outcome-words").textContent = outcome;
  at("outcome-detail").textContent = detail;
}
