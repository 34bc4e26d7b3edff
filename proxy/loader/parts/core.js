// The core: dataLayer and gtag(), the visitor's consent, the queue and its way to the server. Written by hand; only white
// space and comments are taken out of it, so names are short and comments are not. docs/loader.md tells website owners
// what it does. Names that the second file uses are lent to it: LENT in script.py.

const win = window, doc = document, loc = location, now = Date.now, json = JSON.stringify, tag = doc.currentScript;
// Included twice, it works once. As a module, which does not know its own tag, it does not.
if (win._sayso || !tag) return;
// What the second file uses; and what waits for it: clicks and moves, fifty at most.
const my = win._sayso = { early: [], hear: (e) => my.early[49] || my.early.push([e, at({})]) };
const opts = tag.dataset, base = new URL(opts.base || ".", tag.src || loc).href,
  // Nothing of ours ever throws into the page.
  safe = (f) => (...a) => { try { return f(...a); } catch {} },
  // Capturing: what the page keeps from bubbling is heard all the same.
  on = (target, names, f) => names.split(" ").map((key) => target.addEventListener(key, safe(f), true));

// --- consent -----------------------------------------------------------------------------------------------------------

const YES = "granted", NO = "denied", FOUR = ["analytics_storage", "ad_storage", "ad_user_data", "ad_personalization"];
let D = {}, T = {}, // what defaults say; what was decided (told)
  held = 1, holds = 0; // events wait for a decision; for so many timers
const state = () => ({ ...D, ...T, ...my.gone }), may = (s) => s[FOUR[0]] == YES; // may anything be stored?

// A consent platform, or an update, states some of the four signals: a decision of the visitor. What is not "granted" is
// denied. time: Unix ms. anew: they decided just now, so that the same is news as well.
const said = (s, source, time, anew) => {
  let old = T, less;
  T = { ...T };
  for (const k of FOUR) if (s[k]) {
    T[k] = s[k] == YES ? YES : NO;
    less |= T[k] < old[k]; // "denied" < "granted"
  }
  if (json(T) != json(old) || anew) {
    time = (!anew && time) || since(json(T), less, anew);
    my.told = 1;
    news = json({ ...T, ...my.mute, source, decided_at: time });
    if (T[FOUR[0]] == NO) keep([]);
    // A withdrawal waits for nobody. It is said again after what is under way: an answer to that may set an id. Nothing that
    // is said later may come before it.
    if (less && busy) ahead = post(PATHS.consent, tried = gone = news);
  }
  free();
};

// What was said on an earlier page already keeps the time of then: a visit renews no grant, and undoes no withdrawal that was
// made elsewhere. Returns nothing for what is new.
const since = safe((state, less, anew) => {
  const known = less ? {} : JSON.parse(localStorage.sayso_said || "{}"), at = anew ? void 0 : known[state];
  known[state] = at || now();
  if (may(T)) localStorage.sayso_said = json(known);
  else delete localStorage.sayso_said;
  return at;
});

// A default is no decision. Where the visitor is, nobody here knows: of several the stricter counts, and what is granted
// to one region only is granted to none.
const assume = (s) => {
  for (const k of FOUR) if (s[k] && (s[k] != YES || !s.region)) D[k] = s[k] == YES && D[k] != NO ? YES : NO;
  hold(s.wait_for_update ?? 500);
};
// Returns what ends it before its time.
const hold = (ms) => {
  let open = ++holds;
  const end = () => { if (open) open = 0, --holds || free(); };
  setTimeout(end, ms);
  return end;
};
const free = () => {
  if (held) Q.map((e) => e.consent = state()), my.low = state();
  held = 0;
  pump();
};

// --- what an event is made of --------------------------------------------------------------------------------------------

const sets = {}, clicks = {}, // by gtag("set") and gtag("config"); click ids, in memory only
  CLICK = /\b(\w*clk?id|[gw]braid|gclsrc|gad_\w+|_g[al]|li_fat_id)=([^&#]*)&?/gi,
  // Names that are no parameter: they have a place of their own, are a tag's settings, or a tag manager's.
  OWN = /\W|^(event(_id|_timeout)?$|user_(id|data)|page_[lprt]|url_pass|(send|cookie|server|a(ds|llow))_)/;
let seen; // the page that was viewed
my.ref = doc.referrer; // the page before

const bare = (text) => text.replace(CLICK, "").replace(/[?&]?(#.*)?$/, ""),
  at = (p) => new URL(p.page_location || p.page_path || "", loc).href.split("#")[0].slice(0, 4096),
  mint = safe(() => crypto.getRandomValues(new Uint32Array(4)).join("x")); // on http too
// Texts, numbers, true and false: the server takes nothing else.
const flat = (p) => {
  const o = {};
  for (const k in p) if (!OWN.test(k) && /^..[rmo]/.test(typeof p[k])) o[k] = p[k];
  return o;
};

const track = (name, p) => {
  p = { ...sets, ...p };
  name = name.replace(/\W+/g, "_");
  const url = at(p), event_id = p.event_id ? p.event_id + "" : mint();
  let call = p.event_callback || p.eventCallback;
  (my.ref + "&" + loc.search).replace(CLICK, (m, k, v) => clicks[k.toLowerCase()] = v.slice(0, 600));
  const e = {
    name,
    event_id,
    page: { url, referrer: bare(p.page_referrer || my.ref), title: p.page_title || doc.title },
    params: { ...flat(p), items: p.items?.map?.(flat) },
    user_data: safe(() => JSON.parse(json(p.user_data)))(), // as it is now; nothing if it is no JSON
    user_id: p.user_id && p.user_id + "",
    user_properties: flat(p.user_properties),
    client: { screen: screen.width + "x" + screen.height },
    consent: my.late || state(),
    ids: { ...clicks },
    // A function is no JSON: it stays here.
    // Once: what it is called with takes its place.
    done: safe(() => call(call = { event_id })),
  };
  // No request may hold more than 64 KiB: rather without its items, and then without other long texts, than not at all.
  for (const k of ["items", ...Object.keys(e.params)])
    if (json(e.params[k])?.length > 99 && new Blob([json(e)]).size > 6e4) delete e.params[k];
  setTimeout(e.done, Math.min(p.event_timeout || 2e3, 2e3));
  if (name == "page_view") seen = url;
  Q.push(e);
  win.dispatchEvent(new CustomEvent("sayso:event", { detail: { name, event_id } }));
  // What matters is sent at once, the rest together.
  setTimeout(pump, name == "page_view" || worth(e) ? pump() : 300);
};
// A page view, unless this page was viewed already.
const view = () => { if (seen != at(sets)) track("page_view"); };

// The event as it may be sent or stored now. Its consent is what was said when it was made, or less, never more.
const dress = (e) => {
  const c = {}, s = state(), w = e.consent || {};
  for (const k of FOUR) if (w[k] && s[k]) c[k] = w[k] < s[k] ? w[k] : s[k];
  const ads = c[FOUR[1]] == YES && c[FOUR[2]] == YES;
  return {
    ...e,
    page: { ...e.page, url: ads ? e.page.url : bare(e.page.url) },
    consent: json(c)[2] ? c : void 0,
    ids: ads ? e.ids : void 0,
  };
};

// --- its way -------------------------------------------------------------------------------------------------------------

let Q = [], news, // events not sent yet; a decision not answered yet
  tried, gone, ahead, // the decision that was tried last; the one on its way; the answer to a withdrawal that went ahead
  busy, until = 0, pause = 1; // what is under way; nothing again before this time; the next pause after a failure, s

// What is worth more than the rest: conversions (2), then what has a value (1).
const worth = (e) => (/^(purchase|generate_lead|sign_up)$/.test(e.name) || e.params.transaction_id ? 2 : +!!e.params.value);
// Fifty may wait: of more the oldest go, those first that are worth less.
const few = (list) => {
  let over = list.length - 50;
  for (const w of [0, 1, 2]) list = list.filter((e) => worth(e) > w || over-- <= 0);
  return list;
};

// Returns for how many seconds to pause: 0, it is done. A text goes as text/plain, which needs no preflight. To another
// site the credentials make no difference: our cookie is Lax. 20,000 characters are less than the 64 KiB of keepalive.
const post = async (path, body, s) => {
  try {
    const r = await fetch(base + path, {
      method: "POST",
      body,
      credentials: "include",
      keepalive: body.length < 2e4,
      signal: AbortSignal.timeout?.(3e4),
    });
    // A page (HTML) that somebody in between made is no answer of Sayso's. After one of Sayso's nothing need wait any more.
    if (/^(204|4(?!29)|2.*json)/.test(r.status + r.headers.get("content-type"))) return pause = 1, until = 0;
    s = +r.headers.get("retry-after");
  } catch {}
  // What a page has under way fails just before it is left, and arrives all the same: that is no failure to make good for.
  setTimeout(() => gone = 0, 99);
  return s || pause;
};

// As many events as one request may hold, and how many those are. 16,000 characters are at most 48 KiB.
const pack = (list) => {
  let full = '{"events":[', n = 0;
  while (list[n] && n < 100) {
    const text = json(dress(list[n]));
    if (n && full.length + text.length > 16e3) break;
    full += (n++ ? "," : "") + text;
  }
  return [n, full + "]}"];
};

// Sends what there is. One request at a time: the answer to the first may set the visitor's id, which the next must bring
// along. What is stored comes last.
const pump = async () => {
  let ours = 1, s; // what is stored, until another tab turns out to be sending it; the pause
  // A decision that was not tried yet waits for no pause.
  while (!busy && (now() >= until || (news && news != tried))) {
    if (news) {
      busy = tried = gone = news;
      await ahead;
      s = await post(PATHS.consent, busy);
      if (!s && news == busy) news = 0;
    } else if (!held && (Q[0] || (ours && stored()[0]))) {
      busy = 1;
      s = await (Q[0] || !navigator.locks ? send(1) : navigator.locks.request("sayso", { ifAvailable: true }, send)).catch(() => -1);
      if (s < 0) s = ours = 0, setTimeout(pump, 3e4);
    } else return;
    busy = 0;
    if (s) later(s);
  }
};
// Returns the pause, or -1: another tab has the lock.
const send = async (lock) => {
  if (!lock) return -1;
  const [n, full] = pack(Q[0] ? Q : stored()), batch = Q.splice(0, n), s = n && await post(PATHS.collect, full);
  batch.map((e) => e.done());
  if (s) Q = [...batch, ...Q];
  // Others may have been stored meanwhile, or all withdrawn.
  else keep(stored().filter((e) => !full.includes('"event_id":' + json(e.event_id))));
  return s;
};
const later = (s) => {
  until = now() + s * 1e3;
  setTimeout(pump, s * 1e3 + 9);
  pause = Math.min(pause * 2, 64);
  Q.map((e) => e.timestamp = e.timestamp || now());
  Q = few(Q);
  if (may(state()) && keep([...stored(), ...Q.map(dress)])) Q = [];
};

// The page is going: nothing can be waited for, and a beacon outlives it. (One made offline says true, and is lost.) The
// browser takes no more than 64 KiB: conversions first.
const leave = () => {
  const sent = (path, full) => navigator.onLine && navigator.sendBeacon?.(base + path, full);
  if (news && news != gone) {
    if (!sent(PATHS.consent, news)) return later(pause);
    // Who has not answered yet may not have taken it now: if the page comes back, it is said again.
    if (news != tried) news = 0;
  }
  Q.sort((a, b) => worth(b) - worth(a));
  while (Q[0]) {
    const [n, full] = pack(Q);
    if (!sent(PATHS.collect, full)) return later(pause);
    Q.splice(0, n).map((e) => e.done());
  }
};

// What could not be sent is stored, if the visitor allows, until it was answered: a tab that dies meanwhile leaves it to the
// next page. One tab alone sends it, where the browser can tell. If one dies in between, the server knows events by their ids.
const stored = () => safe(() => may(state()) && JSON.parse(localStorage.sayso).filter((e) => e.event_id && e.params))() || [];
const keep = safe((list) => (list[0] ? (localStorage.sayso = json(few(list))) : delete localStorage.sayso));

// --- dataLayer -----------------------------------------------------------------------------------------------------------

let cart, quiet; // what the next event is about; the id whose page views are sent by hand
const take = safe((x) => {
  const { 0: what, 1: key, 2: p, 3: f, event } = x;
  if (what == "event") track(key, p);
  if (what == "config") {
    Object.assign(sets, p);
    // Who sends page views by hand for one id does not mean them to be sent for another.
    if (p?.send_page_view === false) quiet = key;
    else if (!quiet || quiet == key) view();
  }
  if (what == "set") Object.assign(sets, p === void 0 ? key : { [key]: p });
  if (what == "get") f(); // our id is in a cookie that no script can read
  if (what == "consent") key == "update" ? said(p, "gtag", 0, my.anew?.()) : assume(p);
  // As a tag manager takes it. What a push without an event says of the cart is the next event's.
  if ("ecommerce" in x) cart = x.ecommerce;
  if (event && /^\w+$/.test(event)) {
    track(event, { ...x, ...cart });
    cart = 0;
  }
});

const start = safe(() => {
  const layer = win.dataLayer = win.dataLayer || [], old = layer.push;
  layer.push = (...a) => {
    const n = old.apply(layer, a);
    a.map(take);
    return n;
  };
  win.gtag = win.gtag || function () { layer.push(arguments); };
  layer.slice().map(take);
  holds || hold(500);
  if (PATHS.more) {
    // The second file. Events wait for what it hears of consent platforms; if it does not come, not for long.
    const end = hold(500), text = base + PATHS.more;
    doc.head.append(Object.assign(doc.createElement("script"), {
      onload: end,
      onerror: end,
      crossOrigin: "",
      nonce: tag.nonce,
      integrity: tag.integrity && PATHS.integrity,
      src: win.trustedTypes?.createPolicy("sayso", { createScriptURL: () => text }).createScriptURL("") ?? text,
    }));
  }
});

Object.assign(my, { opts, said, track, view, at, sets });
on(win, "online", () => pump(until = 0));
on(win, "pagehide visibilitychange", (e) => (doc.hidden || e.type == "pagehide" ? leave() : pump()));
// A page that is only prepared has no visitor yet.
doc.prerendering ? on(doc, "prerenderingchange", start) : start();
