// Consent platforms: what the visitor answered in their banner, in our four signals. docs/cmps.md tells website owners.
//
// A platform is read from where it keeps the answer: its cookie, as the server does (proxy/sources/cmp), and its API, which
// may be all there is: the cookie can have another name, or none. So it makes no difference whether it loads before or after
// us, a returning visitor is heard before it has loaded, and what is no answer yet (a banner that is shown, defaults, events
// that fire on load) is not there to be heard. Everything is read again whenever something may have changed.
//
// Of cookie and API the stricter counts, signal by signal. A cookie is read as strictly as the server reads it. Where
// anything in one cannot be understood, nothing is granted by any platform: a cookie that was cut off may have lost its
// refusals. What can be read of a refusal counts all the same. Names are one letter: nothing but white space is taken out.
{
  let odd; // something could not be understood
  const X = (v) => ((odd = 1), v),
    TH = () => { throw 0; }, // nothing of it can
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
    O = (v) => (v == null ? {} : typeof v == "object" && !Array.isArray(v) ? v : X({})), // an object
    // A list of texts.
    T = (v) => (v == null ? [] : (Array.isArray(v) ? v : X([])).filter((t) => typeof t == "string" || X())),
    // JSON, whose numbers are whole and whose letters are letters: the server's reader is stricter than the browser's.
    P = (t) => {
      if (/\d[.eE]|\\ud/i.test(t.replace(/"(?:\\.|[^"\\])*"/g, (z) => (/\\ud/i.test(z) ? z : "")))) X();
      return O(JSON.parse(t));
    },
    // The same under up to two layers of escapes. Some escape quotes and commas only.
    J = (t) => {
      for (let i = 2; i-- && !/^{(?!%)/.test(t); ) t = U(t);
      return t[0] == "{" ? P(t) : TH();
    },
    // A time, as Unix ms: ISO 8601 with a zone, or Unix seconds or milliseconds. None before 2015.
    W = (t) => {
      if (t == null || t === "") return;
      if (typeof t == "string" && !/^\d{1,16}$/.test(t)) {
        const [, d = ""] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d{3}(?:\d{3})?)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/.exec(t) || [];
        t = safe(() => new Date(d + "Z").toISOString().slice(0, 19) == d)() ? Date.parse(t) : X(); // the 30th of February
      } else if (typeof t != "string" && !Number.isInteger(t)) X();
      t = +t;
      if (t > 0 && t < 1e11) t *= 1e3;
      return t >= 1420070400000 && t < 1e13 ? t : X();
    },
    // What is listed is granted; what is not is refused, where it can be told what is listed.
    L = (l, f) => Z(...[0, 1].map((i) => N(!(o[0] || o[1]) || o[i], l.some((k) => f(i, k)) ? YES : odd ? void 0 : NO))),
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
    DA = A + "|audience(-measurement)?", DM = M + "|advertising-personalization|social-media",
    // Didomi: purposes and vendors, as lists of what is enabled and disabled.
    DI = (u, h) => {
      const n = T(u.disabled), q = [], d = T(h.disabled), no = (...k) => k.map((i) => q.push([FOUR[i], NO]));
      // Its sites' own purposes end with a random id.
      for (const [l, v] of [[T(u.enabled), YES], [n, NO]]) for (const k of l) q.push([k.replace(/-[A-Za-z0-9]{8}$/, ""), v]);
      // Purposes of the IAB's, and refused vendors, can only refuse here: the platform's __tcfapi speaks of them.
      if (n.includes("cookies")) no(1, 2);
      if (n.includes("measure_ad_performance")) no(2);
      if (n.includes("create_ads_profile") || n.includes("select_personalized_ads")) no(3);
      if (d.includes("google")) no(1, 2, 3);
      if (d.some((k) => /^c:googleana-/.test(k))) no(0);
      return q;
    },
    // iubenda's purposes
    IU = (s) => {
      const q = O(s.purposes);
      if (E(q).length) return [Z(B(q[4]), B(q[5])), W(s.timestamp)];
    },
    // Axeptio's choices
    AX = (s) => {
      const q = E(s).filter(([k]) => !/^\$\$/.test(k)).map(([k, v]) => [k, B(v)]), g = O(s.$$googleConsentMode);
      for (const k of FOUR) {
        const v = V(g[k], YES, NO, void 0, null);
        if (v) q.push([k, v]);
      }
      return q;
    },
    // vanilla-cookieconsent's cookie, wherever it is
    VC = (s) => {
      const l = "categories" in s ? T(s.categories) : TH(), e = W(s.expirationTime);
      return [L(l, (i, k) => w(i, k, i ? M : A)), W(s.lastConsentTimestamp || s.last_consent_update), e <= now()];
    },
    EB = (s) => E(O(s)).map(([k, v]) => [k, B(v)]), // names and whether
    // By platform: its cookies; what they say: [name or category (0, 1) or signal, value], the time, whether grants count for
    // nothing; its names of statistics and of marketing; what its API says, alike. Nothing returned: not answered.
    C = {
      cookiebot: ["CookieConsent", ({ CookieConsent: t }) => {
        if (/^(-1|0)$/.test(t)) return; // nobody was asked
        t = U(U(t));
        if (!/^{[^]*}$/.test(t)) t[0] == "{" ? X() : TH();
        const s = K(t.replace(/^{|}$/g, ""), ",", ":"), q = (k) => (s[k] ? (/^'(.*)'$/.exec(s[k]) || X([]))[1] : void 0), f = (k) => V(s[k], "true", "false", void 0);
        if (E(s).some(([, v]) => !/^('[^']*'|true|false|\d+)$/.test(v)) || s.stamp == null) X();
        const m = q("method");
        if (/^(-1|0)$/.test(q("stamp")) || m == "implied") return;
        return [Z(f("statistics"), f("marketing")), W(s.utc), V(m, "explicit", void 0) != YES];
      }, A, M, () => {
        const b = win.Cookiebot, c = b.consent;
        if (b.hasResponse === true) return [Z(B(c.statistics), B(c.marketing)), void 0, b.declined === true || (c.method ?? "explicit") != "explicit"];
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
      }, "c0002|2", "c0004|4", () => {
        const l = win.OnetrustActiveGroups ?? win.OptanonActiveGroups;
        if (OneTrust.IsAlertBoxClosed() === true) return [typeof l == "string" ? L(l.split(","), (i, k) => w(i, k, i ? "c0004|4" : "c0002|2")) : X([])];
      }],
      cookie_information: ["CookieInformationConsent", ({ CookieInformationConsent: t }) => {
        const s = J(t), y = T(s.consents_approved), n = T(s.consents_denied),
          f = (k) => (n.includes(k) ? (y.includes(k) && X(), NO) : y.includes(k) ? YES : void 0);
        return [Z(f("cookie_cat_statistic"), f("cookie_cat_marketing")), W(s.timestamp)];
      }, A, M, () => {
        // It says no before any answer: there is one if it has said so, or if it says yes.
        const q = ["statistic", "marketing"].map((k) => B(win.CookieInformation.getConsentGivenFor("cookie_cat_" + k)));
        if (I.cookie_information || q.includes(YES)) return [Z(...q)];
      }],
      usercentrics: [],
      didomi: ["didomi_token", ({ didomi_token: t }) => {
        const s = P(U(escape(atob(/^[\w+/]+=*$/.exec(U(t))[0]))));
        return [DI(O(s.purposes), O(s.vendors)), W(s.updated)];
      }, DA, DM, () => {
        const d = win.Didomi, s = d.getUserStatus?.();
        if (s) {
          const u = O(O(s.purposes).consent);
          return u.enabled?.length || u.disabled?.length ? [DI(u, O(O(s.vendors).consent))] : void 0;
        }
        if ((d.shouldUserStatusBeCollected || d.shouldConsentBeCollected).call(d) === false) {
          const u = E(O(d.getCurrentUserStatus().purposes)), f = (y) => u.filter(([, z]) => (B(z.enabled) == YES) == y).map(([k]) => k);
          return [DI({ enabled: f(true), disabled: f(false) }, {})];
        }
      }],
      cookieyes: ["cookieyes-consent", (c) => {
        const s = K(U(c["cookieyes-consent"]), ",", ":");
        if (V(s.action, "yes", "no", "") != YES) return;
        return [E(s).filter(([k]) => w(0, k, "analytics") || w(1, k, "advertisement")).map(([k, v]) => [k, V(v, "yes", "no", "")])];
      }, "analytics", "advertisement", () => {
        const s = getCkyConsent();
        if (s.isUserActionCompleted === true) return [EB(s.categories)];
      }],
      complianz: ["cmplz_(?:statistics|marketing|banner-status|consenttype)", (c) => {
        const f = (k) => V(c[k], "allow", "deny", void 0);
        return [Z(f("cmplz_statistics"), f("cmplz_marketing")), void 0, c["cmplz_banner-status"] != "dismissed" || (c.cmplz_consenttype || "optin") != "optin"];
      }, A, M, () => {
        // It may say yes by default: only where visitors opt in, or once it has announced a change, is that an answer.
        const s = I.complianz || {}, m = win.complianz?.consenttype, y = ["statistics", "marketing"].map((k) => safe(() => cmplz_has_consent(k))()), any = m == "optin" && y.includes(true);
        return [Z(...["statistics", "marketing"].map((k, i) => {
          const v = V(s[k], "allow", "deny", void 0);
          return v == NO || ((v || any) && y[i] === false) ? NO : v || N(any && y[i] === true, YES);
        })), void 0, (m ?? "optin") != "optin"];
      }],
      cookiefirst: ["cookiefirst-consent", (c) => {
        const s = J(c["cookiefirst-consent"]);
        return [Z(B(s.performance), B(s.advertising))];
      }, A, M, () => {
        const s = O(CookieFirst.consent);
        return [Z(B(s.performance), B(s.advertising))];
      }],
      iubenda: ["_iub_cs-s?\\d+", (c) => {
        const [t, ...more] = Object.values(c);
        if (more.some((z) => z != t)) TH(); // of two sites: no telling which holds
        const s = J(t), f = B(s.consent);
        return IU(s) || [Z(f, f), W(s.timestamp), 1]; // the older form, which scrolling on could set
      }, A, M, () => IU(O(safe(() => _iub.cs.api.getPreferences())() || I.iubenda))],
      axeptio: ["axeptio_(?:cookies|authorized_vendors)", (c) => {
        let l = c.axeptio_authorized_vendors;
        if (l) l = /^,(.*,)?$/.test((l = U(l))) && l.length > 1 ? l.split(",").map(D) : X();
        if (!c.axeptio_cookies) return;
        const s = J(c.axeptio_cookies);
        if (B(s.$$completed) != YES) return;
        const q = AX(s);
        // What one cookie grants, the other may not lack.
        if (l && q.some(([k, v]) => !FOUR.includes(k) && (w(0, k, A) || w(1, k, M) || b.test(D(k))) && (v == YES) != l.includes(D(k)))) X();
        return [q, W(s.$$date)];
      }, A, M, () => [AX(I.axeptio)]],
      tcf: [],
      gpp: [],
      vanilla_cookieconsent: ["cc_cookie", ({ cc_cookie: t }) => VC(J(t)), A, M, () => {
        const c = win.CookieConsent, f = c?.validConsent, s = f ? safe(() => c.getCookie())() : I.vanilla_cookieconsent;
        if (f && f.call(c) !== true) return;
        if (s?.categories) return VC(s);
        return [L([opts.statistics || "analytics,statistics,measurement", opts.marketing || "marketing,advertising,advertisement,ads,targeting"].join().split(",").filter((k) => c.acceptedCategory(k.trim()) === true), (i, k) => w(i, k, i ? M : A))];
      }],
      klaro: ["klaro", ({ klaro: t }) => [EB(J(t))], A, M, () => N(klaro.getManager().confirmed === true && I.klaro, [EB(I.klaro)])],
      orejime: ["eu-consent", (c) => [EB(J(c["eu-consent"]))], A, M, () => {
        const m = orejime.manager;
        if (m.isDirty ? m.isDirty() === false && m.areAllPurposesMandatory() === false : I.orejime) return [EB(m.isDirty ? m.getAllConsents() : I.orejime)];
      }],
      tarteaucitron: ["tarteaucitron", ({ tarteaucitron: t }) => {
        t = U(t);
        if (t[0] != "!") TH();
        const g = { gcmanalyticsstorage: 0, gcmadstorage: 1, gcmadsuserdata: 2, gcmpersonalization: 3 };
        return [E(K(t.slice(1), "!", "=")).map(([k, v]) => [FOUR[g[D(k)]] || k, V(v, "true", "false", "wait")])];
      }, "(multiple)?(gtag|analytics)|gajs|googleanalytics", "googleads|googleadwords(conversion|remarketing)|facebookpixel|bingads|linkedininsighttag", () => {
        const s = win.tarteaucitron;
        return [E(O(s.state)).map(([k, v]) => [k, V(v, true, false, "wait", void 0, null)]), void 0, s.highPrivacy === false || s.user?.bypass === true];
      }],
      c15t: ["c15t", ({ c15t: t }) => {
        const s = K(U(t), ",", ":"), y = W(s["i.t"] || s["i.time"]), k = Object.keys(s);
        if (!k.some((z) => /^[ci]\./.test(z))) TH();
        const q = k.filter((z) => /^c\./.test(z)).map((z) => [z.slice(2), V(s[z], "1", "0")]);
        // What is not listed is refused. Without a time nobody decided it.
        ["measurement", "marketing"].map((z, i) => k.some((n) => /^c\./.test(n) && w(i, n.slice(2), z)) || odd || (N(!(o[0] || o[1]) || o[i], 1) && q.push([i, NO])));
        return [q, y, !y];
      }, "measurement", "marketing"],
    },
    D = (t) => t.trim().toLowerCase().replace(/[_ ]/g, "-"),
    // Does this name stand for statistics (0) or marketing (1)?
    w = (i, n, u) => (o[0] || o[1] ? o[i] && o[i].includes(p(n)) : RegExp(`^(${u})$`).test(D(n))),
    I = {}, // what APIs told of themselves, by platform
    H = new Set(), // APIs that we listen to
    // The four signals of what a platform says.
    R4 = ([q, , none], a, m) => FOUR.map((k, j) => {
      // Of all that stands for a signal every one must be a yes.
      const l = +!!j, h = q.filter(([z, v]) => z === l || z === k || (z.at && (w(l, z, l ? m : a) || (l && m.startsWith(M) && v != YES && b.test(D(z))))));
      return h.some(([, v]) => v == NO) ? NO : N(h.length && !none && h.every(([, v]) => v == YES), YES);
    }),
    // What all of them say: the stricter counts. anew: the visitor has decided just now, says the platform.
    r = (anew, again) => {
      const s = {}, n = new Set(), jar = (safe(() => doc.cookie)() || "").split("; ").map((z) => [z.slice(0, z.indexOf("=")), z.slice(z.indexOf("=") + 1)]);
      let y, bad, u = "";
      // data-cmp="klaro": that one alone, such as where cookies of an earlier platform are still about.
      for (const [c, [i, f, a = A, m = M, api]] of E(C)) if ((opts.cmp || c) == c) {
        const g = {}, all = [], d = {};
        let t, x, z;
        odd = 0;
        try {
          for (let [k, v] of i ? jar : []) if (RegExp(`^(${i})$`).test(k)) {
            v = v.replace(/^"(.*)"$/, "$1");
            if (!v) continue; // what a deletion leaves behind
            all.push(v);
            if (v.length > 8192) TH(); // no browser keeps so much
            if (k in g && g[k] != v) TH();
            g[k] = v;
          }
          t = all[0] && f(g);
          if (t) x = R4(t, a, m);
          if (t && t[1] > now() + 3e5 && x.includes(YES)) X(); // no honest clock
        } catch {
          odd = 1;
        }
        // A plain word is another's: a banner that the site made itself.
        const broken = odd && !all.every((v) => /^[A-Za-z0-9]{1,16}$/.test(v)), no = odd;
        bad = bad || broken;
        if (odd && !broken) x = 0;
        odd = 0;
        z = safe(() => {
          const v = i ? api?.() : I[c] && [I[c]];
          return v && R4(v, a, m);
        })();
        FOUR.map((k, j) => {
          const v = x && x[j], e = z && z[j];
          if (v == NO || e == NO) d[k] = NO;
          // The API alone may grant where there is no cookie.
          else if (!no && !odd && (all[0] ? v : e) == YES) d[k] = YES;
        });
        if (json(d)[2]) {
          n.add(c);
          t = t && t[1];
          y = t < y ? y : t || y;
          if (i && all[0]) u += c + json(d);
        }
        for (const k in d) if (s[k] != NO) s[k] = d[k];
      }
      // What was granted here and no longer is, or cannot be told, is not stated, and events of this page do without.
      const gone = {}, mute = {};
      for (const k of FOUR) {
        if (bad && s[k] == YES) delete s[k];
        if (s[k]) had[k] = s[k] == YES;
        else if (bad || had[k]) (gone[k] = NO), (mute[k] = void 0);
      }
      my.gone = gone;
      my.mute = mute;
      if (json(s)[2]) {
        // Decided since the page began, says its time, and otherwise than before or by a click: some renew it on every page,
        // some write it twice.
        // Or, of one that keeps none, after a click of the visitor's.
        anew = anew || (y ? y > performance.timeOrigin && y != (last || [])[1] && (u != (last || [])[0] || (!(y - last[1] < 5e3) && my.anew(1))) : (again || (last && u != last[0])) && my.anew(!again));
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
      Y("usercentrics", Object.values(v).flatMap((t) => [t.name, t.category, t.categorySlug].flatMap((z) => (z ? [[z, B(t.consent.given ?? t.consent.status)]] : []))), acted && my.anew(1));
      acted = 0;
    },
    R = safe((c) => c.consent.type == "EXPLICIT" && S(c.services)),
    l = safe((again) => {
      r(0, again);
      win.__ucCmp?.getConsentDetails().then(R, R);
      if (localStorage.uc_user_interaction == "true" && win.UC_UI) S(UC_UI.getServicesBaseInfo());
    }),
    // Google's mapping of purposes: 1; 1 and 7; 3 and 4. Who refuses all storage has refused that of statistics.
    soon = () => setTimeout(look, 9, 1),
    Q = [
      () => G(win.__tcfapi, ({ tcString, isServiceSpecific, eventStatus: e, purpose: { consents: c } }) => {
        const f = (...n) => n.every((i) => c[i] === true);
        if (tcString && isServiceSpecific && e != "cmpuishown") Y("tcf", F([f(1) ? null : 0, f(1), f(1, 7), f(3, 4)]), e == "useractioncomplete");
      }, 2),
      // US sections know opt-outs only. The European one comes with a __tcfapi.
      () => G(win.__gpp, ({ pingData: g }) => g.signalStatus == "ready" && /OptOut":1|Gpc":true|Sale":"Y/.test(json(g)) && Y("gpp", F([null, 0, 0, 0]))),
      () => {
        if (H.has(win.klaro)) return;
        const g = klaro.getManager(), f = (v) => (I.klaro = { ...v });
        g.watch({ update: safe((m, k, v) => k == "saveConsents" && (f(v?.consents || m.consents), l(1))) });
        H.add(win.klaro);
        // Switches in its window that were not saved are no answer.
        if (g.confirmed === true) f(g.savedConsents || g.consents), r();
      },
      () => H.has(win.orejime) || (win.orejime.manager.on("update", safe((_, all) => ((I.orejime = all), setTimeout(l, 9, 1)))), H.add(win.orejime)),
      () => H.has(win.Didomi) || (Didomi.on ? Didomi.on("consent.changed", soon) : win.didomiEventListeners.push({ event: "consent.changed", listener: soon }), H.add(win.Didomi)),
      () => H.has(win.OneTrust) || (OneTrust.OnConsentChanged(soon), H.add(win.OneTrust)),
      () => H.has("axeptio") || ((win.axeptioSettings && !win._axcb ? (win._axcb = []) : _axcb).push(safe((k) => k.on("cookies:complete", safe((v) => ((I.axeptio = v), soon()))))), H.add("axeptio")),
      () => {
        const c = _iub.csConfiguration, b = (c.callback = c.callback || {}), f = b.onPreferenceExpressed;
        if (H.has(f)) return;
        b.onPreferenceExpressed = function (v) {
          I.iubenda = v;
          soon();
          return f?.apply(this, arguments);
        };
        H.add(b.onPreferenceExpressed);
      },
    ].map(safe),
    look = (again) => {
      l(again);
      Q.map((f) => f());
    };
  let h = performance.timeOrigin, last, acted;
  const had = {}; // what platforms granted on this page
  on(win.cookieStore || win, "change", () => look());
  on(win, "CookiebotOnAccept CookiebotOnDecline OneTrustGroupsUpdated CookieInformationConsentGiven cookieyes_consent_update cmplz_status_change CookieConsentOnAccept CookieConsentOnDecline CookieInformationConsentSubmitted consent.onetrust cmplz_fire_categories cf_consent tac.consent_updated cc:onConsent cc:onChange", (e) => {
    const d = e.detail, k = d?.category;
    if (/^CookieI/.test(e.type)) I.cookie_information = 1;
    if (/^cc:/.test(e.type)) I.vanilla_cookieconsent = d?.cookie;
    if (k) (I.complianz = I.complianz || {})[k] = d.value;
    soon();
  });
  on(win, "UC_UI_CMP_EVENT", (e) => { if (/^(ACCEPT_ALL|DENY_ALL|SAVE)$/.test(e.detail?.type)) acted = 1; });
  on(win, "UC_UI_CMP_EVENT pagehide click", () => {
    look();
    setTimeout(look, 99);
  });
  for (let i = 20; --i; ) setTimeout(look, i * i * 25);
  look();
}
