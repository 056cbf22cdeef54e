// Bars that move: rows stay when their action does, so that a change of width can be seen.

import { element } from "/web/shared/element.js";
import { roughly } from "/web/shared/wording.js";

export class LiveBars {
  constructor(list) {
    this.list = list;
    this.clear();
  }

  clear() {
    this.rows = new Map();
    this.list.replaceChildren();
  }

  // Scores [{label, probability}], most probable first.
  show(scores) {
    this.rows = new Map(scores.map(({ label }) => [label, this.rows.get(label) ?? row(label)]));
    for (const { label, probability } of scores) {
      const { fill, share } = this.rows.get(label);
      fill.style.width = `${probability * 100}%`;
      share.textContent = roughly(probability);
    }
    const wanted = [...this.rows.values()].map(({ item }) => item);
    if (wanted.some((item, place) => this.list.children[place] !== item)) this.list.replaceChildren(...wanted);
  }
}

function row(label) {
  const [fill, share] = [element("i"), element("span")];
  const track = element("span", fill, { className: "track", ariaHidden: "true" });
  return { fill, share, item: element("li", [element("span", label), share, track]) };
}
