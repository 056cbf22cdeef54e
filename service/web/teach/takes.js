// The actions and their takes: cards with small pictures that play, are recorded, dropped and deleted.

import { closeDialog, recordTakes } from "/web/camera/camera_dialog.js";
import { at, element, say } from "/web/shared/element.js";
import { bodyOf } from "/web/shared/predict.js";
import { blob, call } from "/web/teach/teach_api.js";

const ACCEPT = "video/*,.mkv,.avi,.mov,.ts,.flv,.wmv,.gif";

// Kept, so that a picture is fetched once and a card keeps the keyboard's focus when others change.
const cards = new Map();
const pictures = new Map();

let lesson = null;

// `hooks.refresh` reads the state again; `hooks.trouble` shows a problem.
export function showActions(actions, limits, hooks) {
  lesson = { limits, ...hooks };
  const names = new Set(actions.map(({ name }) => name));
  for (const name of cards.keys()) if (!names.has(name)) cards.delete(name);
  for (const action of actions) {
    if (!cards.has(action.name)) cards.set(action.name, new Card(action.name));
    cards.get(action.name).update(action.takes);
  }
  const wanted = actions.map(({ name }) => cards.get(name).root);
  if (wanted.some((root, place) => at("actions").children[place] !== root) || wanted.length !== at("actions").children.length) {
    at("actions").replaceChildren(...wanted);
  }
}

export const uploading = () => [...cards.values()].reduce((sum, card) => sum + card.pending, 0);

class Card {
  constructor(name) {
    this.name = name;
    this.pending = 0;
    this.takes = [];
    this.tiles = new Map();
    this.queue = Promise.resolve();
    this.count = element("span", "", { className: "muted" });
    this.strip = element("ul", [], { className: "takes" });
    const file = element("input", [], { type: "file", accept: ACCEPT, multiple: true, className: "hidden-input", id: `file-${cards.size}-${Date.now()}` });
    file.onchange = () => { this.addAll(file.files); file.value = ""; };
    const remove = quiet("Delete", `Delete the action ${name}`);
    remove.onclick = () => this.remove();
    const record = quiet("Record takes", `Record takes of ${name}`);
    record.onclick = () => this.record().finally(() => record.focus());
    const choose = element("label", "Add clips", { className: "quiet", htmlFor: file.id });
    this.root = element("section", [
      element("div", [element("h3", [name, " ", this.count]), remove], { className: "heading" }), this.strip,
      element("div", [record, file, choose], { className: "tools" }),
    ], { className: "card action" });
    this.root.setAttribute("aria-label", name);
    for (const kind of ["dragover", "dragleave", "drop"]) this.root.addEventListener(kind, (event) => this.drag(event));
  }

  update(takes) {
    this.takes = takes;
    const missing = lesson.limits.min_takes - takes.length;
    const number = takes.length === 1 ? "1 take" : `${takes.length} takes`;
    this.count.textContent = missing > 0 ? `${number}, ${missing} more to go` : number;
    this.root.classList.toggle("ready", missing <= 0);
    for (const id of this.tiles.keys()) if (!takes.some((take) => take.id === id)) this.tiles.delete(id);
    takes.forEach((take, place) => {
      if (!this.tiles.has(take.id)) this.tiles.set(take.id, this.tile(take, place + 1));
    });
    this.drawStrip();
  }

  drawStrip() {
    const waiting = Array.from({ length: this.pending }, () => element("li", [], { className: "tile pending", ariaLabel: "Sending" }));
    this.strip.replaceChildren(...this.tiles.values(), ...waiting);
    this.strip.hidden = !this.strip.children.length;
  }

  tile(take, number) {
    const picture = element("img", [], { alt: "", loading: "lazy" });
    pictureOf(take.id).then((source) => { picture.src = source; }, () => {});
    const words = `Take ${number} of ${this.name}`;
    const play = element("button", picture, { type: "button", className: "play", ariaLabel: `Play ${words}` });
    play.onclick = () => this.play(take, words);
    const remove = element("button", "\u00d7", { type: "button", className: "remove", ariaLabel: `Delete ${words}`, title: "Delete" });
    remove.onclick = () => this.removeTake(take);
    return element("li", [play, remove], { className: "tile" });
  }

  drag(event) {
    event.preventDefault();
    event.stopPropagation();
    this.root.classList.toggle("dragging", event.type === "dragover");
    if (event.type === "drop") this.addAll(event.dataTransfer.files);
  }

  async record() {
    try {
      await recordTakes({
        title: this.name, note: "Do it once in each take. There is no sound.", facing: "user", onTake: (clip) => this.addAll([clip]),
      });
    } catch (problem) {
      lesson.trouble(problem);
    }
  }

  // One after the other, as recorded, so that a key's share of the service is enough.
  addAll(clips) {
    this.pending += clips.length;
    this.drawStrip();
    for (const clip of clips) this.queue = this.queue.then(() => this.add(clip));
  }

  async add(clip) {
    try {
      await call("POST", "/takes", { query: { action: this.name }, body: bodyOf(clip) });
      say(`A take of ${this.name} was added`);
    } catch (problem) {
      closeDialog();
      lesson.trouble({ ...problem, title: `${clip.name}: ${problem.title}` }, () => this.addAll([clip]));
    } finally {
      this.pending -= 1;
      this.drawStrip();
      await lesson.refresh();
    }
  }

  async play(take, words) {
    try {
      const source = URL.createObjectURL(await blob(`/takes/${take.id}`));
      at("player-title").textContent = words;
      at("player-note").textContent = "";
      at("player-video").hidden = false;
      at("player-video").onerror = () => {
        at("player-video").hidden = true;
        at("player-note").textContent = "Your browser cannot play this format. The model can learn from it.";
      };
      at("player-video").src = source;
      at("player-close").onclick = () => at("player").close();
      at("player-delete").onclick = () => { at("player").close(); this.removeTake(take); };
      at("player").onclose = () => { at("player-video").onerror = null; at("player-video").removeAttribute("src"); URL.revokeObjectURL(source); };
      at("player").showModal();
      at("player-video").play().catch(() => {});
    } catch (problem) {
      lesson.trouble(problem);
    }
  }

  removeTake(take) {
    return this.change("DELETE", `/takes/${take.id}`);
  }

  remove() {
    const number = this.takes.length;
    if (number && !confirm(`Delete ${this.name} with its ${number === 1 ? "take" : `${number} takes`}?`)) return null;
    return this.change("DELETE", "/actions", { query: { name: this.name } });
  }

  async change(...request) {
    try {
      await call(...request);
    } catch (problem) {
      lesson.trouble(problem, () => this.change(...request));
    }
    await lesson.refresh();
  }
}

const quiet = (words, ariaLabel) => element("button", words, { type: "button", className: "quiet", ariaLabel });

function pictureOf(id) {
  if (!pictures.has(id)) pictures.set(id, blob(`/takes/${id}/thumbnail`).then((picture) => URL.createObjectURL(picture)));
  return pictures.get(id);
}
