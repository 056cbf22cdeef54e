// API key: typed once, kept while the tab is open, sent with every prediction.

import { at } from "/web/shared/element.js";

const KEPT_AS = "key";

export const key = () => sessionStorage.getItem(KEPT_AS);

export const keyHeaders = () => (key() ? { "X-API-Key": key() } : {});

export function offerKey(tryAgain) {
  at("key-form").hidden = false;
  at("key-form").onsubmit = (event) => {
    event.preventDefault();
    sessionStorage.setItem(KEPT_AS, at("key").value);
    at("key").value = "";
    tryAgain();
  };
  at("key").focus();
}

export const withdrawKey = () => { at("key-form").hidden = true; };
