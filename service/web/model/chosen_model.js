// The model that the address chooses: /?model=wave or /live?model=wave. Without one the service's default answers.

import { at, element } from "/web/shared/element.js";

const name = new URLSearchParams(location.search).get("model");

export const modelQuery = () => (name === null ? {} : { model: name });

export function showChosenModel() {
  at("chosen").hidden = name === null;
  at("chosen").replaceChildren("Answers come from the model ", element("b", name ?? ""), ". ", element("a", "Use the usual one", { href: location.pathname }));
}
