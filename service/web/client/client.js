// Client of tin-serve, for browsers and everything else that has `fetch`:
//
//     import { Client } from "/client.js"; // from another origin: the service's address before it
//     const { predictions } = await new Client().predict(file, { top_k: 3 });

/** @typedef {{ rank: number, label: string, index: number, probability: number }} Action */
/** @typedef {{ predictions: Action[], likely?: boolean, model: object, clip: object, timing_ms: object }} Prediction */
/** @typedef {{ kind: "clip" | "window" | "segments", [field: string]: any }} Row ClipRow, WindowRow or SegmentsRow of /docs */
/** @typedef {{ signal?: AbortSignal, [parameter: string]: any }} Options with the parameters of /docs, such as top_k and model */

const BUSY = [429, 503];

/** A failure as the service reports it (RFC 9457); `retryAfter` is in seconds, NaN where the service does not say. */
export class ServiceProblem extends Error {
  /** @param {{ type?: string, title: string, status: number, detail?: string, request_id?: string }} problem */
  constructor({ type = "about:blank", title, status, detail = "", request_id: requestId }, retryAfter = NaN) {
    super(detail ? `${title}: ${detail}` : title);
    this.name = "ServiceProblem";
    this.type = type;
    this.title = title;
    this.status = status;
    this.detail = detail;
    this.requestId = requestId;
    this.retryAfter = retryAfter;
  }
}

export class Client {
  /**
   * @param {string | URL} [url] the service; where this file came from when not given
   * @param {{ key?: string, retrySeconds?: number }} [options] a busy service is asked again after its Retry-After
   *   while that is within `retrySeconds`
   */
  constructor(url = new URL(".", import.meta.url), { key, retrySeconds = 30 } = {}) {
    this.url = String(url).replace(/\/*$/, "/");
    this.key = key;
    this.retrySeconds = retrySeconds;
  }

  /**
   * @param {Blob | BufferSource} video
   * @param {Options} [options]
   * @returns {Promise<Prediction>} Throws ServiceProblem, fetch's TypeError without an answer, and the signal's reason.
   */
  async predict(video, options) {
    return (await this.#post("predict", video, options)).json();
  }

  /**
   * The rows of a timeline, each as soon as the service knows it.
   * @param {Blob | BufferSource} video
   * @param {Options} [options]
   * @returns {AsyncGenerator<Row>} Throws as `predict`, and an Error where the stream breaks off.
   */
  async *timeline(video, options) {
    let row = null;
    for await (row of objectsOf((await this.#post("timeline", video, options)).body)) {
      if (row.kind === "problem") throw new ServiceProblem(row);
      yield row;
    }
    if (row?.kind !== "segments") throw new Error("the timeline broke off");
  }

  /** @param {string} path @param {Blob | BufferSource} body @param {Options} [options] */
  async #post(path, body, { signal, ...query } = {}) {
    const headers = { "Content-Type": "application/octet-stream", ...(this.key && { "X-API-Key": this.key }) };
    const given = Object.entries(query).filter(([, value]) => value != null);
    const address = Object.assign(new URL(path, this.url), { search: new URLSearchParams(given).toString() });
    for (const end = Date.now() + 1000 * this.retrySeconds; ;) {
      const response = await fetch(address, { method: "POST", headers, body, signal });
      if (response.ok) return response;
      const { status, statusText: title } = response;
      const seconds = Number(response.headers.get("Retry-After") ?? NaN);
      const problem = new ServiceProblem({ title, ...(await response.json().catch(() => ({}))), status }, seconds);
      if (!BUSY.includes(status) || !(Date.now() + 1000 * seconds <= end)) throw problem;
      await pause(seconds, signal);
    }
  }
}

/** The objects of newline-delimited JSON, as its lines arrive. @param {ReadableStream} stream */
export async function* objectsOf(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (let rest = "", done = false; !done;) {
      const chunk = await reader.read();
      ({ done } = chunk);
      const lines = (rest + (chunk.value ?? "")).split("\n");
      rest = done ? "" : lines.pop();
      yield* lines.filter((line) => line.trim()).map((line) => JSON.parse(line));
    }
  } finally {
    reader.cancel().catch(() => {}); // a stream that failed has thrown already
  }
}

const pause = (seconds, signal) => new Promise((resolve, reject) => {
  const timer = setTimeout(resolve, 1000 * seconds);
  signal?.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
});
