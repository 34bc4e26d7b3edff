// Consent platforms: what the visitor answered in their banner, in our four signals. docs/cmps.md tells website owners.
//
// A platform is read from where it keeps the answer: its cookie, as the server does (proxy/sources/cmp), or, where there is
// none, its API. So it makes no difference whether it loads before or after us, a returning visitor is heard before it has
// loaded, and what is no answer yet (a banner that is shown, defaults, events that fire on load) is not there to be heard.
// Everything is read again whenever something may have changed.
//
// A cookie is read as strictly as the server reads it. Where anything in one cannot be understood, nothing is granted by any
// of them: a cookie that was cut off may have lost its refusals. Names are one letter: nothing but white space is taken out.
{
  const X = () => { throw 0; }, // cannot be understood
    // A value that must be one of these: yes, no, or one that says nothing.
    V = (v, y, n, ...u) => (v === y ? YES : v === n ? NO : u.includes(v) ? void 0 : X()),
    B = (v) => V(v, true, false, void 0, null),
    U = decodeURIComponent, // throws where an escape is broken
    // key:value,key:value. No key may stand there twice with different values.
    K = (t, d, e) => {
      const s = {};
      for (const z of t.split(d)) {
        const i = z.indexOf(e), k = z.slice(0, i), v = z.slice(i + 1);
        if (i < 1 || (k in s && s[k] !== v)) X();
        s[k] = v;
      }
      return s;
    },
    O = (v) => (v == null ? {} : typeof v == "object" && !Array.isArray(v) ? v : X()), // an object
    T = (v) => (v == null ? [] : Array.isArray(v) && v.every((t) => typeof t == "string") ? v : X()), // a list of texts
    // JSON, whose numbers are whole and whose letters are letters: the server's reader is stricter than the browser's.
    P = (t) => (/\d[.eE]|\\ud/i.test(t.replace(/"(?:\\.|[^"\\])*"/g, (z) => (/\\ud/i.test(z) ? z : ""))) ? X() : O(JSON.parse(t))),
    // The same under up to two layers of escapes. Some escape quotes and commas only.
    J = (t) => {
      for (let i = 2; i-- && !/^{(?!%)/.test(t); ) t = U(t);
      return t[0] == "{" ? P(t) : X();
    },
    // A time, as Unix ms: ISO 8601 with a zone, or Unix seconds or milliseconds. None before 2015.
    W = (t) => {
      if (t == null || t === "") return;
      if (typeof t == "string" && !/^\d{1,16}$/.test(t)) {
        const [, d] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d{3}(?:\d{3})?)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/.exec(t);
        if (new Date(d + "Z").toISOString().slice(0, 19) != d) X(); // the 30th of February
        t = Date.parse(t);
      } else if (typeof t != "string" && !Number.isInteger(t)) X();
      t = +t;
      if (t > 0 && t < 1e11) t *= 1e3;
      return t >= 1420070400000 && t < 1e13 ? t : X();
    },
    Z = (a, m) => [[0, a], [1, m]], // the two categories
    E = Object.entries,
    N = (f, g) => (f ? g : void 0),
    // What sites call statistics and marketing: the server's words. data-statistics="stat, analyse" data-marketing="ads"
    // replaces them; of those only letters and digits are compared.
    p = (t) => t.toLowerCase().replace(/[^\p{L}\p{N}]/gu, ""),
    o = [opts.statistics, opts.marketing].map((t) => t && t.split(",").map(p)),
    A = "analytics|statistics|measurement|google-?analytics|google-analytics-4|ga4?",
    M = "marketing|advertising|advertisement|ads|targeting|google-?ads|google-adwords|meta(-pixel)?|facebook-?pixel|microsoft-(ads|advertising)|bing-?ads|linkedin-(ads|insight(-tag)?)",
    // These may be a mere button: to refuse them counts, to grant them does not.
    b = /^(facebook|bing|linkedin)$/,
    // By platform: its cookies; what they say: [name or category (0, 1) or signal, value], the time, whether grants count for
    // nothing; its names of statistics and of marketing. Nothing returned: not answered.
    C = {
      cookiebot: ["CookieConsent", ({ CookieConsent: t }) => {
        if (/^(-1|0)$/.test(t)) return; // nobody was asked
        t = U(U(t));
        if (!/^{[^]*}$/.test(t)) X();
        const s = K(t.slice(1, -1), ",", ":"), q = (k) => (s[k] ? /^'(.*)'$/.exec(s[k])[1] : void 0), f = (k) => V(s[k], "true", "false", void 0);
        if (E(s).some(([, v]) => !/^('[^']*'|true|false|\d+)$/.test(v)) || s.stamp == null) X();
        const m = q("method");
        if (/^(-1|0)$/.test(q("stamp")) || m == "implied") return;
        return [Z(f("statistics"), f("marketing")), W(s.utc), V(m, "explicit", void 0) != YES];
      }],
      onetrust: ["Optanon(?:Consent|AlertBoxClosed)|eupubconsent-v2|OTAdditionalConsentString", (c) => {
        const t = c.OptanonConsent, a = c.OptanonAlertBoxClosed;
        U(c.OTAdditionalConsentString || "");
        if (!t) return;
        const s = K(/&/.test(t) ? t : U(t), "&", "="), i = s.intType;
        // Written on load, with defaults: it counts once the banner was closed, or one of its buttons is named.
        if ((s.AwaitingReconsent ?? "false") != "false" || (s.landingPath ?? "NotLandingPage") != "NotLandingPage") return;
        if (!a && !(/^[123]$/.test(i) && /[^0]/.test(s.interactionCount || ""))) return;
        const g = E(K(U(s.groups), ",", ":")).map(([k, v]) => [k, V(v, "1", "0")]);
        U(s.consentId || "");
        // Closed by its cross, with all that was preset: no answer. The banner's time vouches for grants only.
        const no = g.some(([k, v]) => v == NO && k != "C0001" && k != "1"), y = a && W(U(a));
        return [g, N(!g.some(([k, v]) => v == NO && /^(C000)?[24]$/i.test(k)), y), i == 3 && !no];
      }, "c0002|2", "c0004|4"],
      cookie_information: ["CookieInformationConsent", ({ CookieInformationConsent: t }) => {
        const s = J(t), y = T(s.consents_approved), n = T(s.consents_denied),
          f = (k) => (n.includes(k) ? (y.includes(k) ? X() : NO) : y.includes(k) ? YES : void 0);
        return [Z(f("cookie_cat_statistic"), f("cookie_cat_marketing")), W(s.timestamp)];
      }],
      usercentrics: [],
      didomi: ["didomi_token", ({ didomi_token: t }) => {
        const s = P(U(escape(atob(/^[\w+/]+=*$/.exec(U(t))[0])))), u = O(s.purposes), n = T(u.disabled), q = [];
        // Its sites' own purposes end with a random id.
        for (const [l, v] of [[T(u.enabled), YES], [n, NO]]) for (const k of l) q.push([k.replace(/-[A-Za-z0-9]{8}$/, ""), v]);
        // Purposes of the IAB's, and refused vendors, can only refuse here: the platform's __tcfapi speaks of them.
        const d = T(O(s.vendors).disabled), no = (...k) => k.map((i) => q.push([FOUR[i], NO]));
        if (n.includes("cookies")) no(1, 2);
        if (n.includes("measure_ad_performance")) no(2);
        if (n.includes("create_ads_profile") || n.includes("select_personalized_ads")) no(3);
        if (d.includes("google")) no(1, 2, 3);
        if (d.some((k) => /^c:googleana-/.test(k))) no(0);
        return [q, W(s.updated)];
      }, A + "|audience(-measurement)?", M + "|advertising-personalization|social-media"],
      cookieyes: ["cookieyes-consent", (c) => {
        const s = K(U(c["cookieyes-consent"]), ",", ":");
        if (V(s.action, "yes", "no", "") != YES) return;
        return [E(s).filter(([k]) => w(0, k, "analytics") || w(1, k, "advertisement")).map(([k, v]) => [k, V(v, "yes", "no", "")])];
      }, "analytics", "advertisement"],
      complianz: ["cmplz_(?:statistics|marketing|banner-status|consenttype)", (c) => {
        const f = (k) => V(c[k], "allow", "deny", void 0);
        return [Z(f("cmplz_statistics"), f("cmplz_marketing")), void 0, c["cmplz_banner-status"] != "dismissed" || (c.cmplz_consenttype || "optin") != "optin"];
      }],
      cookiefirst: ["cookiefirst-consent", (c) => {
        const s = J(c["cookiefirst-consent"]);
        return [Z(B(s.performance), B(s.advertising))];
      }],
      iubenda: ["_iub_cs-s?\\d+", (c) => {
        const [t, ...more] = Object.values(c);
        if (more.some((z) => z != t)) X(); // of two sites: no telling which holds
        const s = J(t), q = O(s.purposes), y = W(s.timestamp);
        if (E(q).length) return [Z(B(q[4]), B(q[5])), y];
        const f = B(s.consent);
        return [Z(f, f), y, 1]; // the older form, which scrolling on could set
      }],
      axeptio: ["axeptio_(?:cookies|authorized_vendors)", (c) => {
        let l = c.axeptio_authorized_vendors;
        if (l) l = /^,(.*,)?$/.test((l = U(l))) && l.length > 1 ? l.split(",").map(D) : X();
        if (!c.axeptio_cookies) return;
        const s = J(c.axeptio_cookies);
        if (B(s.$$completed) != YES) return;
        const q = E(s).filter(([k]) => !/^\$\$/.test(k)).map(([k, v]) => [k, B(v)]), g = O(s.$$googleConsentMode);
        // What one cookie grants, the other may not lack.
        if (l && q.some(([k, v]) => (w(0, k, A) || w(1, k, M) || b.test(D(k))) && (v == YES) != l.includes(D(k)))) X();
        for (const k of FOUR) {
          const v = V(g[k], YES, NO, void 0, null);
          if (v) q.push([k, v]);
        }
        return [q, W(s.$$date)];
      }],
      tcf: [],
      gpp: [],
      vanilla_cookieconsent: ["cc_cookie", ({ cc_cookie: t }) => {
        const s = J(t), l = "categories" in s ? T(s.categories) : X(), e = W(s.expirationTime),
          f = (i, u) => N(!(o[0] || o[1]) || o[i], l.some((k) => w(i, k, u)) ? YES : NO); // what is not listed is refused
        return [Z(f(0, A), f(1, M)), W(s.lastConsentTimestamp || s.last_consent_update), e <= now()];
      }],
      klaro: ["klaro", ({ klaro: t }) => [E(J(t)).map(([k, v]) => [k, B(v)])]],
      orejime: ["eu-consent", (c) => [E(J(c["eu-consent"])).map(([k, v]) => [k, B(v)])]],
      tarteaucitron: ["tarteaucitron", ({ tarteaucitron: t }) => {
        t = U(t);
        if (t[0] != "!") X();
        const g = { gcmanalyticsstorage: 0, gcmadstorage: 1, gcmadsuserdata: 2, gcmpersonalization: 3 };
        return [E(K(t.slice(1), "!", "=")).map(([k, v]) => [FOUR[g[D(k)]] || k, V(v, "true", "false", "wait")])];
      }, "(multiple)?(gtag|analytics)|gajs|googleanalytics", "googleads|googleadwords(conversion|remarketing)|facebookpixel|bingads|linkedininsighttag"],
      c15t: ["c15t", ({ c15t: t }) => {
        const s = K(U(t), ",", ":"), y = W(s["i.t"] || s["i.time"]), k = Object.keys(s);
        if (!k.some((z) => /^[ci]\./.test(z))) X();
        const q = k.filter((z) => /^c\./.test(z)).map((z) => [z.slice(2), V(s[z], "1", "0")]);
        // What is not listed is refused. Without a time nobody decided it.
        ["measurement", "marketing"].map((z, i) => k.some((n) => /^c\./.test(n) && w(i, n.slice(2), z)) || (N(!(o[0] || o[1]) || o[i], 1) && q.push([i, NO])));
        return [q, y, !y];
      }, "measurement", "marketing"],
    },
    D = (t) => t.trim().toLowerCase().replace(/[_ ]/g, "-"),
    // Does this name stand for statistics (0) or marketing (1)?
    w = (i, n, u) => (o[0] || o[1] ? o[i] && o[i].includes(p(n)) : RegExp(`^(${u})$`).test(D(n))),
    I = {}, // what APIs told, by platform
    H = new Set(), // APIs that we listen to
    // What all of them say: the stricter counts. anew: the visitor has decided just now, says the platform.
    r = (anew, again) => {
      const s = {}, n = new Set(), L = (safe(() => doc.cookie)() || "").split("; ").map((z) => [z.slice(0, z.indexOf("=")), z.slice(z.indexOf("=") + 1)]);
      let y, bad, u = "";
      // data-cmp="klaro": that one alone, such as where cookies of an earlier platform are still about.
      for (const [c, [i, f, a = A, m = M]] of E(C)) if ((opts.cmp || c) == c && (i || I[c])) {
        const g = {}, all = [];
        try {
          for (let [k, v] of i ? L : []) if (RegExp(`^(${i})$`).test(k)) {
            v = v.replace(/^"(.*)"$/, "$1");
            if (!v) continue; // what a deletion leaves behind
            all.push(v);
            if (v.length > 8192) X(); // no browser keeps so much
            if (k in g && g[k] != v) X();
            g[k] = v;
          }
          const [q, t, none] = (all[0] ? f(g) : I[c] && [I[c]]) || [[]], d = {};
          FOUR.map((k, j) => {
            // Of all that stands for a signal every one must be a yes.
            const l = +!!j, h = q.filter(([z, v]) => z === l || z === k || (z.at && (w(l, z, l ? m : a) || (l && m.startsWith(M) && v != YES && b.test(D(z))))));
            if (h.some(([, v]) => v == NO)) d[k] = NO;
            else if (h.length && !none && h.every(([, v]) => v == YES)) d[k] = YES;
          });
          if (t > now() + 3e5 && Object.values(d).includes(YES)) X(); // no honest clock
          if (json(d)[2]) {
            n.add(c);
            y = t < y ? y : t || y;
            if (i) u += c + json(d);
          }
          for (const k in d) if (s[k] != NO) s[k] = d[k];
        } catch {
          // A plain word is another's: a banner that the site made itself.
          bad = bad || !all.every((v) => /^[A-Za-z0-9]{1,16}$/.test(v));
        }
      }
      for (const k of FOUR) if (bad && s[k] == YES) delete s[k];
      if (json(s)[2]) {
        // Decided since the page began, says its time; or, of one that keeps none, after a click of the visitor's.
        anew = anew || (y ? y > performance.timeOrigin && y != (last || [])[1] : (again || (last && u != last[0])) && my.anew(!again));
        // Decided on an earlier page, if the platform says when; else now, by the server's clock.
        said(s, [...n].join("/"), y < h ? y : void 0, anew);
        h = 0;
      }
      last = [u, y];
    },
    Y = (c, v, anew) => {
      I[c] = v;
      r(anew);
    },
    F = (v) => v.flatMap((z, i) => (z == null ? [] : [[FOUR[i], z ? YES : NO]])),
    // What is not there throws, once.
    G = (t, f, ...x) => H.has(t) || (H.add(t) && t("addEventListener", ...x, safe(f))),
    S = (v) => {
      Y("usercentrics", Object.values(v).flatMap((t) => [t.name, t.category, t.categorySlug].flatMap((z) => (z ? [[z, B(t.consent.given ?? t.consent.status)]] : []))), acted);
      acted = 0;
    },
    R = safe((c) => c.consent.type == "EXPLICIT" && S(c.services)),
    l = safe((again) => {
      r(0, again);
      win.__ucCmp?.getConsentDetails().then(R, R);
      if (localStorage.uc_user_interaction == "true" && win.UC_UI) S(UC_UI.getServicesBaseInfo());
    }),
    // Google's mapping of purposes: 1; 1 and 7; 3 and 4. Who refuses all storage has refused that of statistics.
    Q = [
      () => G(win.__tcfapi, ({ tcString, isServiceSpecific, eventStatus: e, purpose: { consents: c } }) => {
        const f = (...n) => n.every((i) => c[i] === true);
        if (tcString && isServiceSpecific && e != "cmpuishown") Y("tcf", F([f(1) ? null : 0, f(1), f(1, 7), f(3, 4)]), e == "useractioncomplete");
      }, 2),
      // US sections know opt-outs only. The European one comes with a __tcfapi.
      () => G(win.__gpp, ({ pingData: g }) => g.signalStatus == "ready" && /OptOut":1|Gpc":true|Sale":"Y/.test(json(g)) && Y("gpp", F([null, 0, 0, 0]))),
      () => H.has(win.klaro) || (win.klaro.getManager().watch({ update: (m, k) => k == "saveConsents" && l(1) }), H.add(win.klaro)),
      () => H.has(win.orejime) || (win.orejime.manager.on("update", () => setTimeout(l, 9, 1)), H.add(win.orejime)),
    ].map(safe),
    look = (again) => {
      l(again);
      Q.map((f) => f());
    };
  let h = performance.timeOrigin, last, acted;
  on(win.cookieStore || win, "change", () => look());
  on(win, "CookiebotOnAccept CookiebotOnDecline OneTrustGroupsUpdated CookieInformationConsentGiven cookieyes_consent_update cmplz_status_change cf_consent tac.consent_updated cc:onConsent", () => setTimeout(look, 9, 1));
  on(win, "UC_UI_CMP_EVENT", (e) => { if (/^(ACCEPT_ALL|DENY_ALL|SAVE)$/.test(e.detail?.type)) acted = 1; });
  on(win, "UC_UI_CMP_EVENT pagehide click", () => {
    look();
    setTimeout(look, 99);
  });
  for (let i = 20; i--; ) setTimeout(look, i * i * 25);
}
