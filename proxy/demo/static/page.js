// What every module needs: the words and settings that the server wrote into the page, and short ways to the DOM.
export const config = JSON.parse(document.getElementById("config").textContent);
export const words = config.words;

export const byId = (id) => document.getElementById(id);

/** Put values into a text: fill("by {vendor}", {vendor: "Meta"}). */
export function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (all, key) => values[key] ?? all);
}

/** Make an element. Children that are strings become text, never markup. */
export function make(tag, className = "", ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

const money = new Intl.NumberFormat(config.lang === "nb" ? "nb-NO" : "en-GB", { maximumFractionDigits: 2 });
export const price = (amount) => `${money.format(amount)}\u00a0kr`;

const clock = new Intl.DateTimeFormat(config.lang === "nb" ? "nb-NO" : "en-GB", { timeStyle: "medium" });
export const timeOf = (ms) => clock.format(new Date(ms));

export const SIGNALS = ["analytics_storage", "ad_storage", "ad_user_data", "ad_personalization"];

/** One chip per signal, with the plain word first and Consent Mode's own name as its title. */
export function chips(list, signals) {
  list.replaceChildren(
    ...SIGNALS.map((signal) => {
      const value = signals[signal] ?? "unknown";
      const chip = make("li", `chip ${value}`, make("span", "", words.feed.signals[signal]), " ", make("b", "", words.feed.values[value]));
      chip.title = `${signal}: ${value}`;
      chip.dataset.signal = signal;
      chip.dataset.value = value;
      return chip;
    }),
  );
}

/** Tell the shop's own server something; it is no part of Sayso. */
export function tell(path, body) {
  return fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}
