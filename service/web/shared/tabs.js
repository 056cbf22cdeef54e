// Texts in tabs, by name, with a button that copies the one that is shown.

import { element, say } from "/web/shared/element.js";

const STEPS = { ArrowLeft: -1, ArrowRight: 1 };

let count = 0;
let lastChosen = null; // by name: new tabs open with it

export function tabs(texts) {
  const id = `tabs-${count += 1}`;
  const names = Object.keys(texts);
  const panels = names.map((name, place) => panel(`${id}-${place}`, name, texts[name]));
  const buttons = panels.map((shown, place) => tab(shown, names[place], () => show(place)));
  const list = element("div", buttons, { role: "tablist", ariaLabel: "Language" });
  const copy = element("button", "Copy", { type: "button", className: "quiet" });

  function show(chosen) {
    lastChosen = names[chosen];
    panels.forEach((one, place) => { one.hidden = place !== chosen; });
    buttons.forEach((button, place) => {
      button.ariaSelected = String(place === chosen);
      button.tabIndex = place === chosen ? 0 : -1;
    });
    copy.onclick = () => copyText(panels[chosen].querySelector("code"), copy);
  }

  list.addEventListener("keydown", ({ key }) => {
    if (!(key in STEPS)) return;
    const next = (panels.findIndex(({ hidden }) => !hidden) + STEPS[key] + names.length) % names.length;
    show(next);
    buttons[next].focus();
  });
  show(Math.max(0, names.indexOf(lastChosen)));
  return element("div", [element("div", [list, copy], { className: "tab-bar" }), ...panels], { className: "tabs" });
}

function panel(id, name, text) {
  const code = element("pre", element("code", text), { tabIndex: 0 });
  return element("div", code, { id, role: "tabpanel", ariaLabel: name });
}

function tab(shown, name, onclick) {
  const made = element("button", name, { type: "button", role: "tab", onclick });
  made.setAttribute("aria-controls", shown.id);
  return made;
}

async function copyText(code, button) {
  getSelection().selectAllChildren(code);
  // Browsers give the clipboard to safe origins only; elsewhere the text stays selected, ready for Ctrl-C.
  const done = await navigator.clipboard?.writeText(code.textContent).then(() => true, () => false);
  button.textContent = done ? "Copied" : "Selected";
  say(button.textContent);
  setTimeout(() => { button.textContent = "Copy"; }, 2000);
}
