// Sends a clip and gives the answer, or throws the problem: {title, detail, type}.

const NO_ANSWER = {
  type: "/problems/no-answer",
  title: "The service cannot be reached",
  detail: "No answer came back. It may be starting, or the connection broke off.",
};

// XMLHttpRequest, because fetch does not tell how much of a body has been sent.
export function send(clip, { signal, onProgress }) {
  const { promise, resolve, reject } = deferred();
  const request = new XMLHttpRequest();
  request.open("POST", "/predict?explain=true");
  request.responseType = "json";
  request.upload.onprogress = ({ loaded, total }) => onProgress({ stage: "Sending", fraction: loaded / total });
  request.upload.onload = () => onProgress({ stage: "Looking at it", fraction: null });
  request.onload = () => (request.status === 200 ? resolve(request.response) : reject(request.response ?? NO_ANSWER));
  request.onerror = () => reject(NO_ANSWER);
  request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
  signal.addEventListener("abort", () => request.abort());
  const form = new FormData();
  form.append("video", clip);
  onProgress({ stage: "Sending", fraction: 0 });
  request.send(form);
  return promise;
}

function deferred() {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}
