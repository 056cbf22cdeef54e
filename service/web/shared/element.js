// The document's elements: found by id, made with text that stays text.

export const at = (id) => document.getElementById(id);

export function element(tag, content = [], properties = {}) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...[content].flat());
  return made;
}

// What belongs into a `dl`.
export const terms = (facts) =>
  Object.entries(facts).flatMap(([name, value]) => [element("dt", name), element("dd", value)]);

export function drawing(tag, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// Announced to screen readers.
export const say = (text) => { at("status").textContent = text; };
