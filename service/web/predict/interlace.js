// Interlace picture: the moments from which the moved channels of each block come.
//
// y[t] = w * sum over s of max(0, 1 - |t - o - s|) * x[s] takes, at t, what x holds at t - o: a positive offset reads
// the past. So offset o is drawn at -o, left of the middle, and its mirror image at +o.

import { at, drawing, element } from "/web/shared/element.js";
import { signed } from "/web/shared/wording.js";

const FURTHEST = 2; // frames; offsets are 4 * (sigmoid - 0.5)
const HEAVIEST = 2; // weights are 2 * sigmoid
const LANE_HEIGHT = 30; // pixels
const TICKS = [-2, -1, 0, 1, 2];

export function showInterlacing({ offsets, weights }, frames) {
  const blocks = offsets.map((pair, place) => blockOf(place, offsets.length, pair, weights[place]));
  const step = (frames.at(-1).time_seconds - frames[0].time_seconds) / (frames.length - 1);
  at("interlacing-meaning").textContent = meaning(blocks.length);
  at("lane-step").textContent = `one frame is ${step.toFixed(2)}\u00a0s here`;
  at("blocks").replaceChildren(...blocks.map(row));
  at("lane-axis").replaceChildren(...TICKS.map((tick) => element("span", tick > 0 ? `+${tick}` : String(tick).replace("-", "−"))));
  at("block-rows").replaceChildren(...blocks.map(tableRow));
  choose(blocks, 0);
  listen(blocks);
}

const meaning = (count) =>
  `At each of its ${count} blocks the network swaps a quarter of what it noted about a frame for what it noted about ` +
  "earlier frames, on the left, and later ones, on the right: that is how it sees which came first.";

function blockOf(place, count, offsets, weights) {
  const mean = (group) => weights.reduce((sum, frame) => sum + frame[group], 0) / weights.length;
  const end = { 0: ", next to the picture", [count - 1]: ", next to the answer" }[place] ?? "";
  return { number: place + 1, title: `Block ${place + 1} of ${count}`, end, offsets, weights: [mean(0), mean(1)] };
}

function row(block) {
  const button = element("button", [], { type: "button", className: "lane", role: "radio" });
  button.ariaLabel = `${block.title}${block.end}: ${[0, 1].map((group) => inWords(block, group)).join("; ")}`;
  const lane = drawing("svg", { width: "100%", height: LANE_HEIGHT, "aria-hidden": "true" }, ...TICKS.map(gridLine), pair(block, 0), pair(block, 1));
  button.append(element("span", String(block.number), { ariaHidden: "true" }), lane);
  return button;
}

const position = (frames) => `${50 + (50 * frames) / FURTHEST}%`;

const gridLine = (tick) =>
  drawing("line", { x1: position(tick), x2: position(tick), y1: 0, y2: "100%", class: tick ? "grid" : "now" });

function pair({ offsets, weights }, group) {
  const share = weights[group] / HEAVIEST;
  const [here, mirrored, y] = [position(-offsets[group]), position(offsets[group]), LANE_HEIGHT * (group ? 0.7 : 0.3)];
  const dot = { cy: y, r: 2.5 + 3.2 * share };
  return drawing("g", { class: `group-${group}`, opacity: 0.3 + 0.7 * share },
    drawing("line", { x1: here, x2: mirrored, y1: y, y2: y, "stroke-width": 1 + 2 * share }),
    drawing("circle", { ...dot, cx: here }),
    drawing("circle", { ...dot, cx: mirrored, class: "mirrored" }));
}

function inWords({ offsets, weights }, group) {
  const [way, back] = offsets[group] < 0 ? ["later", "earlier"] : ["earlier", "later"];
  const far = Math.abs(offsets[group]).toFixed(2);
  return `${far} frames ${way}, mirrored ${far} ${back}, weight ${weights[group].toFixed(2)}`;
}

function tableRow({ number, offsets, weights }) {
  return element("tr", [
    element("th", String(number), { scope: "row" }),
    element("td", offsets.map(signed).join(", ")),
    element("td", weights.map((weight) => weight.toFixed(2)).join(", "))]);
}

function showNumbers(block) {
  const groups = [0, 1].map((group) => element("li", inWords(block, group), { className: `group-${group}` }));
  at("block").replaceChildren(element("b", block.title), block.end, element("ul", groups));
}

// One of the rows is chosen and has the keyboard; the arrow keys choose another, the pointer only looks.
function choose(blocks, place) {
  for (const [index, lane] of [...at("blocks").children].entries()) {
    lane.ariaChecked = String(index === place);
    lane.tabIndex = index === place ? 0 : -1;
  }
  showNumbers(blocks[place]);
}

function listen(blocks) {
  const lanes = [...at("blocks").children];
  const chosen = () => lanes.findIndex((lane) => lane.tabIndex === 0);
  const moves = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 };
  for (const [place, lane] of lanes.entries()) {
    lane.onpointerenter = () => showNumbers(blocks[place]);
    lane.onpointerleave = () => showNumbers(blocks[chosen()]);
    lane.onfocus = lane.onclick = () => choose(blocks, place);
    lane.onkeydown = (event) => {
      if (!(event.key in moves)) return;
      event.preventDefault();
      lanes[(place + moves[event.key] + lanes.length) % lanes.length].focus();
    };
  }
}
