// What the model sees now: the answer in words and bars, the frames, and how old they are.

import { mean, probabilitiesOf, topScores } from "/web/clips/scores.js";
import { LiveBars } from "/web/live/live_bars.js";
import { Strip } from "/web/live/strip.js";
import { at } from "/web/shared/element.js";

const NUM_BARS = 5;
const SURE = 0.5;
const SMOOTHED_SECONDS = 0.5;
const RATE_SECONDS = 2; // over which answers are counted

export class Sight {
  constructor() {
    this.bars = new LiveBars(at("bars"));
    this.strip = new Strip(at("frames"));
    this.clear();
  }

  clear() {
    this.answers = []; // of the last seconds: {end, shown, probabilities}
    this.bars.clear();
    this.strip.clear();
    this.tell("", "", []);
  }

  // Shows an answer; gives its own top-1 score, not smoothed.
  show(logits, { pictures, end }, { labels, temperature, clip, timeline }) {
    const probabilities = probabilitiesOf(logits, temperature);
    const shown = performance.now();
    this.answers = [...this.answers.filter((answer) => answer.shown > shown - RATE_SECONDS * 1000), { end, shown, probabilities }];
    const scores = topScores(at("smooth").checked ? this.smoothed(end) : probabilities, labels, NUM_BARS);
    this.tell(...inWords(scores[0], timeline.min_probability), scores);
    this.strip.show(pictures, clip.crop, end);
    return topScores(probabilities, labels, 1)[0];
  }

  // The mean of the answers of the last half second.
  smoothed(end) {
    const near = this.answers.filter((answer) => answer.end > end - SMOOTHED_SECONDS * 1000);
    return mean(near.map(({ probabilities }) => probabilities));
  }

  tell(verdict, label, scores) {
    at("verdict").textContent = verdict;
    at("answer").textContent = label;
    at("bars").classList.toggle("unlikely", label === NOTHING);
    this.bars.show(scores);
  }

  // The age of what the last answer is about, at this moment, and how many answers there are.
  age() {
    const last = this.answers.at(-1);
    if (!last) return "";
    const seconds = (performance.now() - last.end) / 1000;
    const rate = (1000 * (this.answers.length - 1)) / (last.shown - this.answers[0].shown);
    return `Seen ${seconds.toFixed(1)} s ago${rate ? `, ${rate.toFixed(1)} answers a second` : ""}`;
  }
}

const NOTHING = "Nothing that it can name";

function inWords({ label, probability }, minProbability) {
  if (probability < minProbability) return ["It sees", NOTHING];
  return [probability < SURE ? "It is not sure. Most of all it looks like" : "It sees", label];
}
