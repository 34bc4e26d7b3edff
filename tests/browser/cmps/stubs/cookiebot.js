// Cookiebot: the cookie is a JavaScript literal; the API says how consent came about; renews nothing by itself.
(() => {
  const keep = (text) => { document.cookie = `CookieConsent=${text}; path=/; max-age=31536000; secure`; };
  const parse = () => {
    const found = /(?:^|; )CookieConsent=([^;]*)/.exec(document.cookie);
    const text = found ? decodeURIComponent(found[1]) : "";
    const flag = (name) => new RegExp(`${name}:true`).test(text);
    return { necessary: true, preferences: flag("preferences"), statistics: flag("statistics"), marketing: flag("marketing"),
      method: text ? "explicit" : null };
  };
  const show = () => {
    window.Cookiebot = window.CookieConsent = { consent: parse(), hasResponse: Boolean(parse().method),
      consentID: "G+6rXo2nQ0p8m1l5h3k7==", consentUTC: new Date() };
  };
  const fire = (...names) => names.forEach((name) => window.dispatchEvent(new Event(name)));
  window.stub = (statistics, marketing) => {
    keep(`{stamp:%27G+6rXo2nQ0p8m1l5h3k7==%27%2Cnecessary:true%2Cpreferences:false%2Cstatistics:${statistics}%2Cmarketing:${
      marketing}%2Cmethod:%27explicit%27%2Cver:1%2Cutc:${Date.now()}%2Cregion:%27no%27}`);
    show();
    fire("CookiebotOnConsentReady", statistics || marketing ? "CookiebotOnAccept" : "CookiebotOnDecline");
  };
  window.addEventListener("load", () => { show(); fire("CookiebotOnLoad"); if (parse().method) fire("CookiebotOnConsentReady"); });
})();
