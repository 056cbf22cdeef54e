// The strip: the frames of the newest answer, as the model saw them.

import { element } from "/web/shared/element.js";

export class Strip {
  constructor(list) {
    this.list = list;
    this.clear();
  }

  clear() {
    this.tiles = [];
    this.list.replaceChildren();
  }

  // Pictures [{square, seen}]; `side` is that of the squares, in pixels, and `end` when the newest frame was seen, in ms.
  show(pictures, side, end) {
    if (this.tiles.length !== pictures.length) this.lay(pictures.length);
    pictures.forEach(({ square, seen }, place) => {
      const { canvas, caption } = this.tiles[place];
      draw(canvas, square, side);
      caption.textContent = before((end - seen) / 1000);
    });
  }

  lay(count) {
    this.tiles = Array.from({ length: count }, () => ({ canvas: element("canvas"), caption: element("figcaption") }));
    this.list.replaceChildren(...this.tiles.map(({ canvas, caption }) => element("li", element("figure", [canvas, caption]))));
  }
}

const before = (seconds) => `${seconds < 0.05 ? "" : "−"}${seconds.toFixed(1)} s`;

function draw(canvas, square, side) {
  if (canvas.width !== side || canvas.height !== side) Object.assign(canvas, { width: side, height: side });
  const picture = new ImageData(side, side);
  for (let pixel = 0; pixel < side * side; pixel += 1) {
    for (let channel = 0; channel < 3; channel += 1) picture.data[4 * pixel + channel] = square[3 * pixel + channel];
    picture.data[4 * pixel + 3] = 255;
  }
  canvas.getContext("2d").putImageData(picture, 0, 0);
}
