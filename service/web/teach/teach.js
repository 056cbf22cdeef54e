// The page /teach: the state comes from the service, and each part of it is drawn by a module of its own.

import { at, say } from "/web/shared/element.js";
import { showProblem } from "/web/shared/problem.js";
import { showActions, uploading } from "/web/teach/takes.js";
import { call, json } from "/web/teach/teach_api.js";
import { begin, cancel, follow, isOpen, show } from "/web/teach/training.js";
import { offerTrial, tryClip, withdrawTrial } from "/web/teach/trial.js";
import { bytes, duration, sentence } from "/web/shared/wording.js";

let running = false;

const hooks = {
  refresh,
  trouble(problem, tryAgain) {
    showProblem(problem, () => { at("problem").hidden = true; (tryAgain ?? refresh)(); });
    at("problem").scrollIntoView({ block: "nearest" });
  },
  onReady: (job) => offerTrial(job, hooks),
  onEnd: () => { running = false; refresh(); },
};

async function refresh() {
  try {
    draw(await json("GET", "/state"));
  } catch (problem) {
    hooks.trouble(problem);
  }
}

function draw(state) {
  at("lesson").hidden = false;
  showActions(state.actions, state.limits, hooks);
  at("action-prompt").textContent = state.actions.length ? "Name another action" : "Name an action";
  at("action-name").placeholder = state.actions.length ? "clap" : "wave";
  at("room").textContent = state.num_bytes > state.limits.max_bytes / 2
    ? `${bytes(state.num_bytes)} of ${bytes(state.limits.max_bytes)} are used.` : "";
  if (state.job) showJob(state.job);
  const reason = state.not_trainable ?? unready(state);
  at("train").disabled = running || Boolean(reason);
  at("train-note").textContent = running ? "" : reason ? sentence(reason) : `It learns for ${duration(60 * state.minutes)} at most, and is ready a little later.`;
}

function showJob(job) {
  show(job, hooks);
  if (document.activeElement !== at("model-name") && job.status !== "failed") at("model-name").value = job.name;
  if (isOpen(job) && !running) {
    running = true;
    follow(hooks);
  }
}

function unready({ actions, limits }) {
  const short = actions.filter(({ takes }) => takes.length < limits.min_takes).map(({ name }) => name);
  if (actions.length < limits.min_actions) return "Name at least two actions, so that there is something to tell apart";
  if (short.length) return `Record at least ${limits.min_takes} takes of ${short.join(", ")}`;
  return "";
}

async function addAction() {
  const name = at("action-name").value;
  try {
    await call("POST", "/actions", { query: { name } });
    at("action-name").value = "";
    at("problem").hidden = true;
    say(`${name} was added`);
    await refresh();
    at("action-name").focus();
  } catch (problem) {
    hooks.trouble(problem);
  }
}

at("action-form").addEventListener("submit", (event) => { event.preventDefault(); addAction(); });
at("train-form").addEventListener("submit", (event) => {
  event.preventDefault();
  at("problem").hidden = true;
  withdrawTrial();
  running = true;
  at("train").disabled = true;
  at("train-note").textContent = "";
  begin(at("model-name").value, { ...hooks, trouble: (...problem) => { running = false; hooks.trouble(...problem); refresh(); } });
});
at("job-cancel").addEventListener("click", () => cancel(hooks));

// What is dropped beside the cards is for the model, once there is one.
for (const kind of ["dragover", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    if (kind === "drop" && !at("try").hidden && event.dataTransfer.files.length) tryClip(event.dataTransfer.files[0]);
  });
}
document.addEventListener("visibilitychange", () => { if (!document.hidden && !uploading()) refresh(); });

await refresh();
