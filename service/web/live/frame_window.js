// The newest frames of a camera, as long as the model's window; of each only the squares that the model sees.

import { evaluationIndices } from "/web/clips/sampling.js";
import { cropsOf } from "/web/clips/transforms.js";

const ROUNDING = 1; // ms; times that differ by less are equal

export class FrameWindow {
  // `clip` is what GET /models says of the model.
  constructor(clip, seconds) {
    this.clip = clip;
    this.span = seconds * 1000;
    this.clear();
  }

  clear() {
    this.frames = [];
    this.isFull = false;
  }

  // A picture {data, width, height} and when the camera saw it, in ms.
  add(picture, seen) {
    this.frames.push({ crops: cropsOf(picture, this.clip), seen });
    while (this.frames[0].seen < seen - this.span + ROUNDING) {
      this.frames.shift();
      this.isFull = true;
    }
  }

  get newest() {
    return this.frames.at(-1)?.seen ?? -Infinity;
  }

  // How much of the window is there, from 0 to 1.
  get share() {
    if (this.isFull) return 1;
    return this.frames.length ? Math.min(1, (this.newest - this.frames[0].seen) / this.span) : 0;
  }

  // The clips that the model takes, uint8 [V, T, side, side, 3] in one array, and the squares of the first of them.
  sample() {
    const { num_frames: numFrames, clips, crop: side } = this.clip;
    const sampled = evaluationIndices(this.frames.length, numFrames, clips).map((index) => this.frames[index]);
    const squares = sampled[0].crops.flatMap((_, crop) => sampled.map(({ crops }) => crops[crop]));
    const bytes = new Uint8Array(squares.length * side * side * 3);
    squares.forEach((square, place) => bytes.set(square, place * square.length));
    const pictures = sampled.slice(0, numFrames).map(({ crops, seen }) => ({ square: crops[0], seen }));
    return { bytes, shape: [squares.length / numFrames, numFrames, side, side, 3], pictures, end: this.newest };
  }
}
