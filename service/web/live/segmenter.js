// Segments: neighbouring windows with the same top-1 action, by the rule of service/inference/segmentation.py.

const BRIDGED_SECONDS = 0.5; // longest stretch between windows that agree which does not split their segment
const ROUNDING = 1e-6; // times that differ by less are equal

// Windows are {start, end, label, probability}, segments too; the label is null where nothing is named, because the
// probability is below `minProbability`. Memory does not grow with the number of windows.
export class Segmenter {
  constructor(minProbability, bridgedSeconds = BRIDGED_SECONDS) {
    Object.assign(this, { minProbability, bridgedSeconds });
    this.run = null;
    this.pending = [];
  }

  // Takes the next window; gives the segments that it closes.
  add(window) {
    const closed = [];
    while (this.pending.length && !this.mayBridge(window)) closed.push(...this.closeRun());
    const label = this.labelOf(window);
    if (!this.run) this.run = new Run(window, label, window.start);
    else if (label === this.run.label) {
      this.run.extend(window);
      this.pending = [];
    } else this.pending.push(window);
    return closed;
  }

  // Gives the rest of the segments.
  finish() {
    const closed = [];
    while (this.pending.length) closed.push(...this.closeRun());
    if (this.run) closed.push(this.run.segment(this.run.end));
    this.run = null;
    return closed;
  }

  // The segment that goes on; null without windows.
  get openSegment() {
    return this.run && this.run.segment(this.run.end);
  }

  // True if the pending windows, which `window` follows, may still belong to the run before them: for a short time, or
  // as a single odd window in a named segment, each moment of which is also seen by a window that agrees.
  mayBridge(window) {
    if (this.bridgedSeconds === 0) return false;
    const { run, pending } = this;
    const stretch = borderOf(pending.at(-1), window) - borderOf(run, pending[0]);
    if (stretch <= this.bridgedSeconds + ROUNDING) return true;
    const isOdd = run.label !== null && pending.length === 1 && this.labelOf(window) === run.label;
    return isOdd && window.start <= run.end + ROUNDING;
  }

  // The next run begins with the first pending window.
  closeRun() {
    const [first, ...others] = this.pending;
    const border = borderOf(this.run, first);
    const closed = [this.run.segment(border)];
    this.run = new Run(first, this.labelOf(first), border);
    this.pending = [];
    for (const window of others) closed.push(...this.add(window));
    return closed;
  }

  labelOf({ label, probability }) {
    return probability >= this.minProbability ? label : null;
  }
}

// The middle of what two windows share.
const borderOf = ({ end }, { start }) => (end + start) / 2;

// Windows that agree.
class Run {
  constructor({ end, probability }, label, start) {
    Object.assign(this, { label, start, end, sum: probability, count: 1 });
  }

  extend({ end, probability }) {
    this.end = end;
    this.sum += probability;
    this.count += 1;
  }

  segment(end) {
    return { start: this.start, end, label: this.label, probability: this.sum / this.count };
  }
}
