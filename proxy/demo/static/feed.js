// The live view: one card per event, newest first, kept up to date while the vendors answer.
import { byId, chips, config, fill, make, timeOf, words } from "./page.js";
import { showRequests } from "./request.js";

const MOST = 100;
const SHOWN = 12; // as in feed.css
const FRESH_MS = 4000;
const cards = new Map();
const list = byId("feed");

function decisionOf(decision) {
  return make("span", `decision ${decision}`, make("i"), words.feed.decisions[decision]);
}

function stateOf(row) {
  const vendor = words.feed.forwarders[row.forwarder];
  return fill(words.feed.states[row.state], { vendor, status: row.status, words: row.words });
}

/** One forwarder's line. Made once, then only its texts change, so that what is unfolded stays so. */
function makeRow(forwarder) {
  const parts = {
    row: make("li", "row"),
    who: make("h4", "who"),
    decision: make("p", "what"),
    why: make("p", "why"),
    state: make("p", "state"),
    open: make("details", "sent", make("summary", "", words.request.open)),
    body: make("div", "sent-body"),
    data: null,
    shown: "",
  };
  const vendor = words.feed.forwarders[forwarder];
  parts.row.dataset.forwarder = forwarder;
  parts.open.firstChild.setAttribute("aria-label", `${vendor}: ${words.request.open}`);
  parts.open.append(parts.body);
  parts.open.addEventListener("toggle", () => unfold(parts));
  parts.decision.ariaHidden = "true";
  parts.row.append(parts.decision, make("div", "rest", parts.who, parts.why, parts.state, parts.open));
  return parts;
}

function unfold(parts) {
  const key = JSON.stringify(parts.data.attempts);
  if (!parts.open.open || parts.shown === key) return;
  parts.shown = key;
  showRequests(parts.body, parts.data);
}

function updateRow(parts, row) {
  parts.data = row;
  parts.row.dataset.decision = row.decision;
  parts.row.dataset.state = row.state;
  parts.decision.replaceChildren(decisionOf(row.decision));
  // Whoever goes from heading to heading hears the decision there; the coloured one need not be read as well.
  const aloud = make("span", "visually-hidden", `: ${words.feed.decisions[row.decision]}`);
  parts.who.replaceChildren(words.feed.forwarders[row.forwarder], aloud);
  const signal = row.signal ? [" ", make("code", "", row.signal)] : [];
  parts.why.replaceChildren(words.reasons[row.reason], ...signal);
  parts.state.textContent = stateOf(row);
  parts.open.hidden = row.attempts.length === 0;
  unfold(parts);
}

function makeCard(item) {
  const heading = make("h3", "", words.feed.events[item.name] ?? item.name, " ", make("code", "", item.name));
  heading.id = `event-${item.key}`;
  const time = make("time", "", timeOf(item.time));
  time.dateTime = new Date(item.time).toISOString();
  const state = make("ul", "chips");
  state.setAttribute("aria-label", words.feed.consent);
  chips(state, item.signals);
  if (item.gpc) state.append(make("li", "chip denied", words.feed.gpc));
  const rows = make("ul", "rows");
  const meta = make("p", "meta", make("span", "", words.presets[item.site].name), " · ", time);
  const article = make("article", "card", make("header", "", heading, meta), state, rows);
  article.setAttribute("aria-labelledby", heading.id);
  article.dataset.event = item.name;
  article.dataset.site = item.site;
  const card = { element: make("li", "entry", article), rows: new Map() };
  for (const row of item.rows) {
    const parts = makeRow(row.forwarder);
    card.rows.set(row.forwarder, parts);
    rows.append(parts.row);
  }
  return card;
}

function makeNote(item) {
  const said = words.feed.notes[item.note] + (item.note === "visitor" ? ` · ${words.presets[item.site].name}` : "");
  const note = make("p", "note", make("span", "", said));
  note.dataset.note = item.note;
  return { element: make("li", "entry", note), rows: new Map() };
}

function announce(item) {
  const name = words.feed.events[item.name] ?? item.name;
  const rows = item.rows.map((row) => `${words.feed.forwarders[row.forwarder]}, ${words.feed.decisions[row.decision]}`).join("; ");
  byId("said").textContent = fill(words.feed.said, { name, rows });
}

function take(item) {
  let card = cards.get(item.key);
  if (!card) {
    card = item.kind === "note" ? makeNote(item) : makeCard(item);
    cards.set(item.key, card);
    list.prepend(card.element);
    byId("empty").hidden = true;
    const fresh = Date.now() - item.time < FRESH_MS;
    if (fresh) card.element.classList.add("fresh");
    if (fresh && item.kind === "event") announce(item);
  }
  for (const row of item.rows ?? []) updateRow(card.rows.get(row.forwarder), row);
  byId("more").hidden = cards.size <= SHOWN || list.classList.contains("all");
  while (cards.size > MOST) {
    const [oldest, gone] = cards.entries().next().value;
    gone.element.remove();
    cards.delete(oldest);
  }
}

function live(connected) {
  byId("live").dataset.state = connected ? "live" : "lost";
  byId("live").textContent = connected ? words.feed.live : words.feed.lost;
}

export function start() {
  byId("more").addEventListener("click", () => {
    list.classList.add("all");
    byId("more").hidden = true;
    list.children[SHOWN].querySelector("h3, .note").scrollIntoView();
  });
  const source = new EventSource(config.feed);
  source.onopen = () => live(true);
  source.onerror = () => live(false);
  source.onmessage = (message) => take(JSON.parse(message.data));
}
