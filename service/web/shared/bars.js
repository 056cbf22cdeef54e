// Predictions as bars.

import { element } from "/web/shared/element.js";
import { percent } from "/web/shared/wording.js";

export const bars = (predictions) => predictions.map(bar);

function bar({ label, probability }) {
  const fill = element("i");
  fill.style.width = `${probability * 100}%`;
  const track = element("span", fill, { className: "track", ariaHidden: "true" });
  return element("li", [element("span", label), element("span", percent(probability)), track]);
}
