// Try it: an operation in Swagger UI, which is loaded when it is first asked for.

import { element } from "/web/shared/element.js";
import { keyHeaders } from "/web/shared/key.js";

const FOLDER = "/web/docs/swagger-ui";

let loading = null;

// Puts the operation's form into `room`; `api` is the whole OpenAPI document.
export async function tryIt(api, path, method, room) {
  loading ??= load().catch((error) => { loading = null; throw error; });
  await loading;
  window.SwaggerUIBundle({
    domNode: room,
    spec: { ...api, paths: { [path]: { [method]: withoutProblems(api.paths[path][method]) } } },
    plugins: [withoutHead],
    docExpansion: "full",
    defaultModelsExpandDepth: -1,
    tryItOutEnabled: true,
    validatorUrl: "none",
    requestInterceptor: (request) => { request.headers = { ...keyHeaders(), ...request.headers }; return request; },
  });
}

// The page shows the service and the problems already.
const withoutProblems = (operation) => ({ ...operation, responses: { 200: operation.responses[200] } });
const withoutHead = () => ({ wrapComponents: { InfoContainer: () => () => null } });

async function load() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
  dark.addEventListener("change", follow);
  follow();
  await Promise.all([
    fetched(element("link", [], { rel: "stylesheet", href: `${FOLDER}/swagger-ui.css` })),
    fetched(element("script", [], { src: `${FOLDER}/swagger-ui-bundle.js` })),
  ]);
}

function fetched(part) {
  return new Promise((resolve, reject) => {
    Object.assign(part, { onload: resolve, onerror: reject });
    document.head.append(part);
  });
}
