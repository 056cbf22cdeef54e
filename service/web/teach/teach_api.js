// Calls of /teach/...: answers, or throws the problem {title, detail, type, status, retryAfter}.

import { address } from "/web/shared/address.js";
import { request } from "/web/shared/request.js";

export const call = (method, path, { query, body, signal } = {}) => request(address(`/teach${path}`, query), { method, body, signal });

export const json = async (...given) => (await call(...given)).json();
export const blob = async (path) => (await call("GET", path)).blob();
