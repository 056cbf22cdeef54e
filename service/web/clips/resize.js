// Bilinear resize in OpenCV's fixed-point arithmetic (INTER_LINEAR), byte for byte as clips/transforms.py has it.

const ONE = 2048; // a weight of 1
const CHANNELS = 3;
const CHANNELS_OF_CANVAS = 4;

// The square of `side` pixels at `left`, `top` of the picture {data, width, height} scaled to `width` x `height`; RGB.
// Canvases would scale with other weights, and differently in each browser.
export function resizedSquare(picture, { width, height, left, top, side, mirrored = false }) {
  const columns = tapsOf(picture.width, width, left, side, true);
  const rows = tapsOf(picture.height, height, top, side, false);
  if (mirrored) for (const taps of Object.values(columns)) taps.reverse();
  const square = new Uint8Array(side * side * CHANNELS);
  for (let row = 0; row < side; row += 1) {
    const lines = [rows.first[row], rows.second[row]].map((line) => line * picture.width * CHANNELS_OF_CANVAS);
    mix(picture.data, lines, [rows.weight[row], rows.rest[row]], columns, square, row * side * CHANNELS);
  }
  return square;
}

// The two pixels on a line that each new pixel is made of, and their weights.
function tapsOf(from, to, start, count, isWhole) {
  const taps = { first: new Int32Array(count), second: new Int32Array(count), weight: new Int32Array(count), rest: new Int32Array(count) };
  for (let place = 0; place < count; place += 1) {
    const position = Math.fround((start + place + 0.5) * (from / to) - 0.5);
    const pixel = Math.floor(position);
    const isBeyond = isWhole && (pixel < 0 || pixel >= from - 1); // OpenCV weighs one pixel there, but only along a row
    const share = isBeyond ? 0 : Math.fround(position - pixel);
    taps.first[place] = Math.min(Math.max(pixel, 0), from - 1);
    taps.second[place] = Math.min(Math.max(pixel + 1, 0), from - 1);
    taps.weight[place] = rounded(Math.fround(1 - share) * ONE);
    taps.rest[place] = rounded(share * ONE);
  }
  return taps;
}

// Halves go to the even neighbour.
function rounded(number) {
  const nearest = Math.round(number);
  return nearest - number === 0.5 && nearest % 2 ? nearest - 1 : nearest;
}

function mix(data, [above, below], [weight, rest], columns, square, start) {
  const { first, second, weight: near, rest: far } = columns;
  for (let column = 0, to = start; column < first.length; column += 1) {
    const here = first[column] * CHANNELS_OF_CANVAS;
    const next = second[column] * CHANNELS_OF_CANVAS;
    for (let channel = 0; channel < CHANNELS; channel += 1, to += 1) {
      const upper = data[above + here + channel] * near[column] + data[above + next + channel] * far[column];
      const lower = data[below + here + channel] * near[column] + data[below + next + channel] * far[column];
      square[to] = (((weight * (upper >> 4)) >> 16) + ((rest * (lower >> 4)) >> 16) + 2) >> 2;
    }
  }
}
