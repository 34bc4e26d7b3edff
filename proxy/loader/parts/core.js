// The core: dataLayer and gtag(), the visitor's consent, the queue and its way to the server. Written by hand; only white
// space and comments are taken out of it, so names are short and comments are not. docs/loader.md tells website owners
// what it does. Names that the second file uses are lent to it: LENT in script.py.

const win = window, doc = document, loc = location, now = Date.now, json = JSON.stringify;
const tag = doc.currentScript;
// Included twice, it works once. As a module, which does not know its own tag, it does not.
if (win._sayso || !tag) return;
// What the second file uses; and what waits for it: clicks and moves, fifty at most.
const my = (win._sayso = { early: [], hear: (e) => my.early[49] || my.early.push([e, at({})]) });
const opts = tag.dataset, base = new URL(opts.base || ".", tag.src || loc).href;
// Nothing of ours ever throws into the page.
const safe = (f) => (...a) => { try { return f(...a); } catch {} };
// Capturing: what the page keeps from bubbling is heard all the same.
const on = (target, names, f) => names.split(" ").map((name) => target.addEventListener(name, safe(f), true));

// --- consent -----------------------------------------------------------------------------------------------------------

const YES = "granted", NO = "denied", FOUR = ["analytics_storage", "ad_storage", "ad_user_data", "ad_personalization"];
let D = {}, T = {}; // what defaults say; what was decided (told)
let held = 1, holds = 0; // events wait for a decision; for so many timers
const state = () => ({ ...D, ...T });
const may = (s) => s[FOUR[0]] == YES; // may anything be stored?

// A consent platform, or an update, states some of the four signals: a decision of the visitor. What is not "granted" is
// denied. time: Unix ms. anew: they decided just now, so that
// the same is news as well.
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
    news = json({ ...T, source, decided_at: time });
    if (T[FOUR[0]] == NO) safe(stash)();
    // A withdrawal waits for nobody. It is said again after what is under way: an answer to that may set an id. Nothing that
    // is said later may come before it.
    if (less && busy) ahead = post(PATHS.consent, news);
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
  if (held) Q.map((e) => (e.consent = state())), (my.low = state());
  held = 0;
  pump();
};

// --- what an event is made of --------------------------------------------------------------------------------------------

const sets = {}, clicks = {}; // by gtag("set") and gtag("config"); click ids, in memory only
const CLICK = /\b(\w*clk?id|[gw]braid|gclsrc|gad_\w+|_g[al]|li_fat_id)=([^&#]*)&?/gi;
// Names that are no parameter: they have a place of their own, are a tag's settings, or a tag manager's.
const OWN = /\W|^(event(_id|_timeout)?$|user_(id|data)|page_[lprt]|url_pass|(send|cookie|server|a(ds|llow))_)/;
let seen; // the page that was viewed
my.ref = doc.referrer; // the page before

const bare = (url) => url.replace(CLICK, "").replace(/[?&]?(#.*)?$/, "");
const at = (p) => new URL(p.page_location || p.page_path || "", loc).href.split("#")[0].slice(0, 4096);
// Texts, numbers, true and false: the server takes nothing else.
const flat = (p) => {
  const o = {};
  for (const k in p) if (!OWN.test(k) && /^..[rmo]/.test(typeof p[k])) o[k] = p[k];
  return o;
};
const mint = safe(() => crypto.getRandomValues(new Uint32Array(4)).join("x")); // on http too

const track = (name, p) => {
  p = { ...sets, ...p };
  name = name.replace(/\W+/g, "_");
  const url = at(p), event_id = p.event_id ? p.event_id + "" : mint();
  let call = p.event_callback || p.eventCallback;
  (my.ref + "&" + loc.search).replace(CLICK, (m, k, v) => (clicks[k.toLowerCase()] = v.slice(0, 600)));
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
    done: safe(() => call((call = { event_id }))),
  };
  setTimeout(e.done, Math.min(p.event_timeout || 2e3, 2e3));
  if (name == "page_view") seen = url;
  Q.push(e);
  win.dispatchEvent(new CustomEvent("sayso:event", { detail: { name, event_id } }));
  // What matters is sent at once, the rest together.
  setTimeout(pump, p.value || /^(page_view|purchase|generate_lead|sign_up)$/.test(name) ? pump() : 300);
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
    consent: json(c)[2] ? c : undefined,
    ids: ads ? e.ids : undefined,
  };
};

// --- its way -------------------------------------------------------------------------------------------------------------

let Q = [], news; // events not sent yet; a decision not answered yet
let ahead, busy, until = 0, pause = 1; // a withdrawal that went ahead; the body under way; no events before this time; the next pause after a failure, s

// Returns for how many seconds to pause: 0, it is done. A text goes as text/plain, which needs no preflight. To another
// site the credentials make no difference: our cookie is Lax. 20,000 characters are less than the 64 KiB of keepalive.
const post = async (path, body) => {
  try {
    const r = await fetch(base + path, {
      method: "POST",
      body,
      credentials: "include",
      keepalive: body.length < 2e4,
      signal: AbortSignal.timeout?.(3e4),
    });
    // A page (HTML) that somebody in between made is no answer of Sayso's.
    if (/^(204|4(?!29)|2.*json)/.test(r.status + r.headers.get("content-type"))) return (pause = 1) - 1;
    return +r.headers.get("retry-after") || pause;
  } catch {
    return pause;
  }
};

// Sends what there is. One request at a time: the answer to the first may set the visitor's id, which the next must bring
// along. If the page is going, nothing can be waited for. (A beacon made offline says true, and is lost.)
const pump = async (going) => {
  while (going || !busy) {
    let body = news != busy && news, n = 0, path = PATHS.consent;
    if (!body) {
      path = PATHS.collect;
      if (!going && (held || now() < until)) return;
      if (!going) unpark();
      if (!Q[0]) return;
      // As many events as one request may hold: 16,000 characters are at most 48 KiB.
      body = "";
      while (Q[n] && n < 100) {
        const text = json(dress(Q[n]));
        if (n && body.length + text.length > 16e3) break;
        body += (n++ ? "," : '{"events":[') + text;
      }
      body += "]}";
    }
    const batch = Q.splice(0, n);
    if (!going) busy = body;
    const s = going ? !(navigator.onLine && navigator.sendBeacon?.(base + path, body)) : (await ahead, await post(path, body));
    if (!going) busy = 0;
    batch.map((e) => e.done?.());
    if (s) {
      until = now() + s * 1e3;
      setTimeout(pump, s * 1e3);
      pause = Math.min(pause * 2, 64);
      Q = [...batch, ...Q].slice(-50);
      Q.map((e) => (e.timestamp = e.timestamp || now()));
      park();
      return;
    }
    if (news == body) news = 0;
  }
};

// What could not be sent is stored for the next page, if the visitor allows. Taken is taken: no two tabs send it.
const stash = () => {
  const old = localStorage.sayso;
  delete localStorage.sayso;
  return old ? JSON.parse(old) : [];
};
const unpark = safe(() => { if (may(state())) Q = [...stash(), ...Q]; });
const park = safe(() => {
  if (may(state())) {
    unpark();
    localStorage.sayso = json(Q.slice(-50).map(dress));
    Q = [];
  }
});

// --- dataLayer -----------------------------------------------------------------------------------------------------------

let cart, quiet; // what the next event is about; the id whose page views are sent by hand
const take = safe((x) => {
  const { 0: what, 1: name, 2: p, 3: f, event } = x;
  if (what == "event") track(name, p);
  if (what == "config") {
    Object.assign(sets, p);
    // Who sends page views by hand for one id does not mean them to be sent for another.
    if (p?.send_page_view === false) quiet = name;
    else if (!quiet || quiet == name) view();
  }
  if (what == "set") Object.assign(sets, p === void 0 ? name : { [name]: p });
  if (what == "get") f(); // our id is in a cookie that no script can read
  if (what == "consent") name == "update" ? said(p, "gtag", 0, my.anew?.()) : assume(p);
  // As a tag manager takes it. What a push without an event says of the cart is the next event's.
  if ("ecommerce" in x) cart = x.ecommerce;
  if (event && /^\w+$/.test(event)) {
    track(event, { ...x, ...cart });
    cart = 0;
  }
});

const start = safe(() => {
  const layer = (win.dataLayer = win.dataLayer || []), push = layer.push;
  layer.push = (...a) => {
    const n = push.apply(layer, a);
    a.map(take);
    return n;
  };
  win.gtag = win.gtag || function () { layer.push(arguments); };
  layer.slice().map(take);
  holds || hold(500);
  if (PATHS.more) {
    // The second file. Events wait for what it hears of consent platforms; if it does not come, not for long.
    const done = hold(500), url = base + PATHS.more, createScriptURL = () => url;
    doc.head.append(Object.assign(doc.createElement("script"), {
      onload: done,
      onerror: done,
      crossOrigin: "",
      nonce: tag.nonce,
      integrity: tag.integrity && PATHS.integrity,
      src: win.trustedTypes?.createPolicy("sayso", { createScriptURL }).createScriptURL(url) ?? url,
    }));
  }
});

Object.assign(my, { opts, said, track, view, at, sets });
on(win, "online", () => pump(until = 0));
on(win, "pagehide visibilitychange", (e) => pump(doc.hidden || e.type == "pagehide"));
// A page that is only prepared has no visitor yet.
doc.prerendering ? on(doc, "prerenderingchange", start) : start();
