// Calls of /teach/...: answers, or throws the problem {title, detail, type, status, retryAfter}.

import { address } from "/web/shared/address.js";
import { keyHeaders } from "/web/shared/key.js";
import { NO_ANSWER, problemOf } from "/web/shared/problem.js";

export async function call(method, path, { query, body, signal } = {}) {
  const response = await answerOf(address(`/teach${path}`, query), { method, body, signal, headers: keyHeaders() });
  if (response.ok) return response;
  throw problemOf(await response.json().catch(() => null), response.headers.get("Retry-After"));
}

export const json = async (...request) => (await call(...request)).json();
export const blob = async (path) => (await call("GET", path)).blob();

async function answerOf(target, request) {
  try {
    return await fetch(target, request);
  } catch (error) {
    throw error.name === "AbortError" ? error : NO_ANSWER;
  }
}
