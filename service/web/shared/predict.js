// Sends a clip and gives the answer, or throws the problem: {title, detail, type, status, retryAfter}.

import { address } from "/web/shared/address.js";
import { keyHeaders } from "/web/shared/key.js";
import { NO_ANSWER, problemOf } from "/web/shared/problem.js";

// XMLHttpRequest, because fetch does not report upload progress. `query` has the parameters of POST /predict.
export function send(clip, { signal, onProgress, query }) {
  const { promise, resolve, reject } = deferred();
  const request = new XMLHttpRequest();
  request.open("POST", address("/predict", query));
  for (const [name, value] of Object.entries(keyHeaders())) request.setRequestHeader(name, value);
  request.responseType = "json";
  request.upload.onprogress = ({ loaded, total }) => onProgress({ stage: "Sending", fraction: loaded / total });
  request.upload.onload = () => onProgress({ stage: "Looking at it", fraction: null });
  request.onload = () => (request.status === 200 ? resolve(request.response) : reject(problemIn(request)));
  request.onerror = () => reject(NO_ANSWER);
  request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
  signal.addEventListener("abort", () => request.abort());
  onProgress({ stage: "Sending", fraction: 0 });
  request.send(bodyOf(clip));
  return promise;
}

export function bodyOf(clip) {
  const form = new FormData();
  form.append("video", clip);
  return form;
}

const problemIn = (request) => problemOf(request.response, request.getResponseHeader("Retry-After"));

function deferred() {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}
