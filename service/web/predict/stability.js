// Stability: the answer for frames half a segment later, and for the same frames in reverse.

import { at, element } from "/web/shared/element.js";
import { roughly } from "/web/shared/wording.js";

export function showStability(stability, label) {
  at("stability").hidden = !stability;
  at("stability").replaceChildren(...(stability ? [shifted(stability), reversed(stability, label)] : []));
}

const line = (words, action, isCalm) => {
  const item = element("li", words, { className: isCalm ? "calm" : "" });
  if (action) item.append(" ", element("b", action.label), ` (${roughly(action.probability)}).`);
  return item;
};

function shifted({ is_stable: isStable, shifted: { predictions } }) {
  if (isStable) return line("The answer stays the same half a step later.", null, true);
  return line("Half a step later it would be:", predictions[0], false);
}

function reversed({ depends_on_order: dependsOnOrder, reversed: { predictions } }, label) {
  if (!dependsOnOrder) return line("The answer does not depend on the order of the frames.", null, false);
  const still = predictions[0].label === label ? " still" : "";
  return line(`Backwards it would${still} be:`, predictions[0], true);
}
