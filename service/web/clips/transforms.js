// The squares that a model sees of a frame, as clips/transforms.py cuts them.

import { resizedSquare } from "/web/clips/resize.js";

// Of a picture {data, width, height}, as a canvas gives it: each square as RGB bytes, by the model's `clip` of GET /models.
export const cropsOf = (picture, clip) => squaresOf(picture, clip).map((square) => resizedSquare(picture, square));

function squaresOf({ width, height }, { view, crop, short_side: shortSide }) {
  if (view === "squeeze") return [{ width: crop, height: crop, left: 0, top: 0, side: crop }];
  const factor = (view === "three" ? crop : shortSide) / Math.min(width, height);
  const scaled = { width: Math.floor(width * factor + 0.5), height: Math.floor(height * factor + 0.5), side: crop };
  return PLACES[view](scaled.width - crop, scaled.height - crop).map((place) => ({ ...scaled, ...place }));
}

// Where each square begins, within the margins that it leaves.
const PLACES = {
  centre: (right, bottom) => [{ left: Math.floor(right / 2), top: Math.floor(bottom / 2) }],
  three: (right, bottom) => [0, 2, 1].map((step) => at(right, bottom, 2, [step, step])),
  ten: (right, bottom) => [[0, 0], [4, 0], [0, 4], [4, 4], [2, 2]].map((steps) => at(right, bottom, 4, steps))
    .flatMap((place) => [place, { ...place, mirrored: true }]),
};

const at = (right, bottom, parts, [across, down]) =>
  ({ left: across * Math.floor(right / parts), top: down * Math.floor(bottom / parts) });
