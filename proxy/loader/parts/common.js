// What the second file has of its own that the core has too: shorter than lending it.
const win = window, doc = document, loc = location, now = Date.now, json = JSON.stringify;
const FOUR = ["analytics_storage", "ad_storage", "ad_user_data", "ad_personalization"], YES = "granted", NO = "denied";
const safe = (f) => (...a) => { try { return f(...a); } catch {} };
const on = (target, names, f) => names.split(" ").map((name) => target.addEventListener(name, safe(f), true));
// What waited for this file is taken up when all of it is there.
const last = [], then = (f) => last.push(safe(f));
