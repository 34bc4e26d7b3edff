// All that the page says to the gateway: events and consent. This is what a real shop would do, with or without a loader.
import { byId, config, fill, words } from "./page.js";

const base = `${location.protocol}//${location.hostname}:${config.port}${config.path}`;
let before = document.referrer;
let last = Promise.resolve();

/** One after the other: the first event may be the one that sets the visitor's cookie, which the next must bring along. */
function inOrder(task) {
  const run = last.then(task);
  last = run.catch(() => {});
  return run;
}

async function call(path, options = {}) {
  const trouble = byId("trouble");
  let detail;
  try {
    const response = await fetch(base + path, { credentials: "include", keepalive: true, ...options });
    if (response.ok) {
      trouble.textContent = "";
      return response;
    }
    detail = `HTTP ${response.status}`;
  } catch (error) {
    detail = error.message;
  }
  trouble.textContent = fill(words.shop.failed, { detail });
  throw new Error(detail);
}

/** The page's address as the shop knows it: without the demo's own two settings. */
export function pageUrl() {
  const url = new URL(location.href);
  url.searchParams.delete("lang");
  url.searchParams.delete("preset");
  return url.href;
}

/** The visitor went on to another page of the shop; the one before is its referrer. */
export function leave() {
  before = pageUrl();
}

export function send(name, params = {}, userData = undefined) {
  const event = {
    name,
    event_id: crypto.randomUUID(),
    timestamp: Date.now(),
    page: { url: pageUrl(), referrer: before, title: document.title },
    params,
    user_data: userData,
    client: { language: navigator.language, screen: `${screen.width}x${screen.height}` },
  };
  // A string goes as text/plain, as sendBeacon's does: no preflight.
  return inOrder(() => call("collect", { method: "POST", body: JSON.stringify(event) }));
}

const YES = "granted";
const NO = "denied";
const CHOICES = { accept: [YES, YES], stats: [YES, NO], refuse: [NO, NO] };

/** Say what the visitor chose: "accept", "stats" or "refuse"; "withdraw" takes everything back. */
export function decide(choice) {
  if (choice === "withdraw") return inOrder(() => call("consent", { method: "DELETE" }));
  const [statistics, ads] = CHOICES[choice];
  const state = { analytics_storage: statistics, ad_storage: ads, ad_user_data: ads, ad_personalization: ads, source: "demo-banner" };
  return inOrder(() => call("consent", { method: "POST", body: JSON.stringify(state) }));
}

export function consent() {
  return inOrder(async () => (await call("consent")).json());
}
