// Problems in words: title, detail, advice, and a button to retry.

import { at } from "/web/shared/element.js";
import { offerKey, withdrawKey } from "/web/shared/key.js";
import { sentence } from "/web/shared/wording.js";

const ADVICE = {
  "not-a-video": "Choose a video file, such as an MP4 from a phone or a camera.",
  undecodable: "It may not have been copied to its end. Try sending the original again.",
  encrypted: "Choose a video without copy protection.",
  "no-frames": "Try another clip, or convert this one to MP4.",
  "bounds-exceeded": "Cut a few seconds out of it, or make it smaller.",
  "upload-too-large": "Cut a few seconds out of it, or make it smaller.",
  "empty-upload": "The file has no content. Try the original.",
  "not-ready": "The operator of this service has to look at its models.",
  "folder-full": "Delete takes that you do not need.",
  "training-unavailable": "The operator of this service can change that.",
  unauthorised: "The operator of this service gives keys out.",
};

const UNAUTHORISED = 401;
const TITLES_OF_V2 = { [UNAUTHORISED]: "A key is needed", 429: "Not now", 503: "Not now" };
const PASSING = [408, 429, 502, 503, 504];

export const NO_ANSWER = {
  type: "/problems/no-answer",
  title: "The service cannot be reached",
  detail: "No answer came back. It may be starting, or the connection broke off.",
  status: 503,
};

// The body of an answer that is an error, with the seconds of its header Retry-After.
export const problemOf = (body, retryAfter, status) => ({ ...worded(body, status), retryAfter: Number(retryAfter) });

function worded(body, status) {
  if (body?.title) return body;
  if (!body?.error) return NO_ANSWER;
  return { title: TITLES_OF_V2[status] ?? "The model does not answer", detail: body.error, status };
}

export function adviceFor({ type, retryAfter }) {
  if (retryAfter) return `It has time for you in about ${retryAfter === 1 ? "a second" : `${retryAfter} seconds`}.`;
  return ADVICE[type?.split("/").pop()] ?? "";
}

export function showProblem(problem, tryAgain) {
  at("problem-title").textContent = problem.title;
  at("problem-detail").textContent = sentence(problem.detail);
  at("problem-advice").textContent = adviceFor(problem);
  at("retry").hidden = !PASSING.includes(problem.status);
  at("retry").onclick = tryAgain;
  at("problem").hidden = false;
  if (problem.status === UNAUTHORISED) offerKey(tryAgain);
  else withdrawKey();
}
