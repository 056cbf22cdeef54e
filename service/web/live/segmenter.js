// Segments: neighbouring windows with the same top-1 action, by the rule of service/inference/segmentation.py.

const MOST_BRIDGED = 1; // windows between others that agree which do not split a segment

// Windows are {start, end, label, probability}, segments too; the label is null where nothing is named, because the
// probability is below `minProbability`. Memory does not grow with the number of windows.
export class Segmenter {
  constructor(minProbability, mostBridged = MOST_BRIDGED) {
    Object.assign(this, { minProbability, mostBridged });
    this.run = null;
    this.pending = [];
  }

  // Takes the next window; gives the segments that it closes.
  add(window) {
    const label = this.labelOf(window);
    if (!this.run) this.run = new Run(window, label, window.start);
    else if (label === this.run.label) {
      this.run.extend(window);
      this.pending = [];
    } else this.pending.push(window);
    return this.pending.length > this.mostBridged ? this.closeRun() : [];
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

  // The run ends in the middle of what its last window shares with the first pending one, with which the next begins.
  closeRun() {
    const [first, ...others] = this.pending;
    const border = (this.run.end + first.start) / 2;
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
