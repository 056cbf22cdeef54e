// A request with the key of this tab: gives the response, or throws the problem {title, detail, type, status, retryAfter}.

import { keyHeaders } from "/web/shared/key.js";
import { NO_ANSWER, problemOf } from "/web/shared/problem.js";

export async function request(target, { method = "GET", body, headers = {}, signal } = {}) {
  const response = await answerOf(target, { method, body, signal, headers: { ...headers, ...keyHeaders() } });
  if (response.ok) return response;
  throw problemOf(await response.json().catch(() => null), response.headers.get("Retry-After"), response.status);
}

async function answerOf(target, options) {
  try {
    return await fetch(target, options);
  } catch (error) {
    throw error.name === "AbortError" ? error : NO_ANSWER;
  }
}
