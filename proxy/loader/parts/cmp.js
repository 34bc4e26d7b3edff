// Consent platforms: what the visitor answered in their banner, in our four signals. docs/cmps.md tells website owners.
//
// A platform is read from where it keeps the answer: its cookie, as the server does (proxy/sources/cmp), or, where there is
// none, its API. So it makes no difference whether it loads before or after us, a returning visitor is heard before it has
// loaded, and what is no answer yet (a banner that is shown, defaults, events that fire on load) is not there to be heard.
// Everything is read again whenever something may have changed. Names are one letter: nothing but white space is taken out.
{
  // What sites call statistics and marketing; data-statistics="stat, analyse" data-marketing="ads" replaces it.
  const a = "statistics?|analytics|measurement|googleanalytics4?|ga4?|audience(measurement)?",
    m = "marketing|advertising(personalization)?|advertisement|ads|targeting|google(ads|adwords)|meta(pixel)?|facebookpixel|microsoftad(s|vertising)|bingads|linkedin(ads|insight(tag)?)",
    // Only letters, digits and what divides them: names are compared in this form.
    p = (t) => t.toLowerCase().replace(/[^\p{L}\p{N}.:=,{!]/gu, ""),
    o = [opts.statistics, opts.marketing].map((t) => t && p(t).replace(/,/g, "|")),
    // By platform: the beginning of its cookie, a pattern; what shows that it was answered (only what it matches is read);
    // names of statistics and of marketing; whether what is not there is refused.
    C = {
      // A stamp of -1 or 0: nobody was asked.
      cookiebot: ["CookieConsent=", /^(?!.stamp:(-1|0),).*explicit.*/],
      // With AlertBoxClosed beside it: before, it holds defaults. 3: closed by its cross.
      onetrust: ["Optanon", /^(?!.*(Type=3|Reconsent=t)).*BoxC.*/, "(c000)?2", "(c000)?4"],
      cookie_information: ["CookieInformationConsent="],
      usercentrics: [],
      // Up to the purposes that rest on consent; not if Google Analytics was refused as a vendor.
      didomi: ["didomi_token=", /^(?!.*disabled:[^\]]*c:googlean).*purposes:.*?}/, , m + "|socialmedia"],
      cookieyes: ["cookieyes-consent=", /.*action:yes.*/],
      complianz: ["cmplz_", /^(?!.*type=(?!optin)).*status=dis.*/],
      cookiefirst: ["cookiefirst-consent=", , "performance"],
      iubenda: ["_iub_cs-s?\\d+=", , 4, 5],
      axeptio: ["axeptio_cookies=", /.*completed:true.*/],
      tcf: [],
      gpp: [],
      vanilla_cookieconsent: ["cc_cookie=", /.*categories.*/, , , 1],
      klaro: ["klaro="],
      orejime: ["eu-consent="],
      tarteaucitron: ["tarteaucitron=", , a + "|(multiple)?gtag"],
      c15t: ["c15t=", /.*i.t:.*/, , , 1],
    },
    X = {}, // what APIs told, by platform, written like a cookie
    M = new Set(), // APIs that we listen to
    L = (t, v) => [...t.matchAll(v)].map((z) => z.pop()),
    // What all of them say: the stricter counts.
    r = () => {
      const s = {}, n = new Set();
      let y;
      // data-cmp="klaro": that one alone, such as where cookies of an earlier platform are still about.
      for (const c in C) if ((opts.cmp || c) == c) try {
        const [i, w = /.+/, q = a, e = m, f] = C[c], g = L(doc.cookie, `(?:^|; )${i}([^;]*)`);
        let u = X[c] || decodeURIComponent(g);
        u = w.exec((/^eyJ/.test(u) ? atob(u) : u).replace(/[\s"']/g, ""))[0]; // not there, or not answered: it throws
        y = /.*(utc|tamp|date|i\.t|Closed)[:=]([\w:.-]+)/.exec(u)?.[2] || y;
        // Lists become name:approved,name:denied. Didomi ends a site's own purposes with a random id.
        u = p("," + u.replace(/(approved|denied|enabled|disabled|categories):\[(.*?)\]/g, (z, k, v) => "," + v.replace(/-\w{8}(?=,|$)/g, "").split(",").join(`:${k},`) + ":" + k));
        FOUR.map((k, j) => {
          // Of all that stands for a signal, the first letter of its value: every one must be a yes.
          const b = L(u, `[,{!=.](cookiecat)?(${(o[0] || o[1] ? o : [q, e])[j && 1]}|${p(k)}${j > 1 ? "|gcmads" : ""})[:=](?=(\\w))`),
            d = /[fdnu0]/.test(b) || (f && b.length < g.length) ? NO : /^([tgayec1],?)+$/.test(b) && YES;
          if (d) {
            n.add(c);
            if (s[k] != NO) s[k] = d;
          }
        });
      } catch {}
      y = +y || Date.parse(y);
      if (n.size) {
        // Decided on an earlier page, if the platform says when; else now, by the server's clock.
        said(s, [...n].join("/"), void 0, y > 1e12 && y < h ? y : void 0);
        h = 0;
      }
    },
    Y = (c, v) => {
      X[c] = v + "";
      r();
    },
    F = (v) => v.map((b, i) => FOUR[i] + ":" + b),
    // What is not there throws, once.
    H = (t, f, ...x) => M.has(t) || (M.add(t) && t("addEventListener", ...x, safe(f))),
    S = (v) => Y("usercentrics", Object.values(v).map((t) => [t.name, t.category, t.categorySlug, ""].join(`:${t.consent.given ?? t.consent.status},`))),
    U = safe((c) => c.consent.type == "EXPLICIT" && S(c.services)),
    l = safe(() => {
      r();
      win.__ucCmp?.getConsentDetails().then(U, U);
      if (localStorage.uc_user_interaction == "true" && win.UC_UI) S(UC_UI.getServicesBaseInfo());
      // Google's mapping of purposes: 1; 1 and 7; 3 and 4. Who refuses all storage has refused that of statistics.
      H(win.__tcfapi, ({ tcString, isServiceSpecific, eventStatus, purpose: { consents: c } }) => tcString && isServiceSpecific && eventStatus != "cmpuishown" && Y("tcf", F([c[1] && "x", c[1], c[1] && c[7], c[3] && c[4]])), 2);
      // US sections know opt-outs only. The European one comes with a __tcfapi.
      H(win.__gpp, ({ pingData: g }) => g.signalStatus == "ready" && /OptOut":1|Gpc":true|Sale":"Y/.test(json(g)) && Y("gpp", F([, 0, 0, 0])));
    });
  let h = performance.timeOrigin;
  on(win.cookieStore || win, "change", l);
  on(win, "UC_UI_CMP_EVENT pagehide click", () => {
    l();
    setTimeout(l, 99);
  });
  for (let i = 20; i--; ) setTimeout(l, i * i * 25);
}
