// The ticker: the segments so far, the one that goes on first.

import { Segmenter } from "/web/live/segmenter.js";
import { element, say } from "/web/shared/element.js";
import { clock, roughly } from "/web/shared/wording.js";

const MOST_KEPT = 12;
const NOTHING = "Nothing named";

export class Ticker {
  constructor(list) {
    this.list = list;
    this.list.replaceChildren();
    this.closed = [];
    this.said = null;
    this.begin({ step_seconds: 1, min_probability: 0 });
  }

  // Closes what goes on, and takes the parameters of a model's timelines, as GET /models gives them.
  begin(timeline) {
    this.keep(this.segmenter?.finish() ?? []);
    this.timeline = timeline;
    this.segmenter = new Segmenter(timeline.min_probability);
    this.last = null;
    this.newest = -Infinity;
    this.draw();
  }

  // A window {start, end, label, probability}, in seconds. Of windows that follow each other faster than the model's
  // step those between are left out, so that the segments are those of POST /timeline.
  add(window) {
    if (this.last && window.start > this.last.end) this.begin(this.timeline); // nothing was seen for a while
    const next = 2 * window.end - this.newest;
    this.newest = window.end;
    if (this.last && next <= this.last.end + this.timeline.step_seconds) return; // the next one comes in time
    this.last = window;
    this.keep(this.segmenter.add(window));
    this.draw();
  }

  keep(segments) {
    this.closed = [...segments.reverse(), ...this.closed].slice(0, MOST_KEPT);
  }

  draw() {
    const open = this.segmenter.openSegment;
    const rows = this.closed.map((segment) => row(segment));
    if (open) rows.unshift(row(open, "now"));
    this.list.replaceChildren(...rows);
    const label = open && named(open);
    if (label && label !== this.said) say(label);
    this.said = label;
  }
}

const named = ({ label }) => label ?? NOTHING;

function row(segment, className = "") {
  const times = `${clock(segment.start)} – ${className ? "now" : clock(segment.end)}`;
  const share = segment.label === null ? "" : roughly(segment.probability);
  const label = element("span", named(segment), { className: segment.label === null ? "label muted" : "label" });
  return element("li", [element("span", times, { className: "times" }), label, element("span", share, { className: "share" })], { className });
}
