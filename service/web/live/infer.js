// One inference: squares of frames go to /v2 as bytes, and their logits come back.

import { request } from "/web/shared/request.js";

const SIZE_HEADER = "Inference-Header-Content-Length";

// Gives {logits [V][K], version}, or throws the problem.
export async function infer(name, { bytes, shape }, signal) {
  const clips = { name: "clips", shape, datatype: "UINT8", parameters: { binary_data_size: bytes.length } };
  const head = new TextEncoder().encode(JSON.stringify({ inputs: [clips], outputs: [{ name: "logits" }] }));
  const headers = { "Content-Type": "application/octet-stream", [SIZE_HEADER]: String(head.length) };
  const body = new Blob([head, bytes]);
  const response = await request(`/v2/models/${encodeURIComponent(name)}/infer`, { method: "POST", headers, body, signal });
  const { outputs: [{ shape: [views, classes], data }], model_version: version } = await response.json();
  const logits = Array.from({ length: views }, (_, view) => data.slice(view * classes, (view + 1) * classes));
  return { logits, version };
}
