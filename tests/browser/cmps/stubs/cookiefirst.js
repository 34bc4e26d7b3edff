// CookieFirst: consent is null until answered; its times are seconds.
(() => {
  const NAME = "cookiefirst-consent";
  const stored = () => {
    const found = new RegExp(`(?:^|; )${NAME}=([^;]*)`).exec(document.cookie);
    return found ? JSON.parse(decodeURIComponent(found[1])) : null;
  };
  window.stub = (statistics, marketing) => {
    document.cookie = `${NAME}=${encodeURIComponent(JSON.stringify({
      necessary: true, performance: statistics, functional: false, advertising: marketing,
      timestamp: Math.floor(Date.now() / 1000), type: "category", version: "11111111-aaaa-4bbb-8ccc-0123456789ab",
    }))}; path=/; max-age=31536000; secure`;
    window.CookieFirst.consent = stored();
    window.dispatchEvent(new CustomEvent("cf_consent", { detail: stored() }));
  };
  window.addEventListener("load", () => { window.CookieFirst = { consent: stored() }; window.dispatchEvent(new Event("cf_init")); });
})();
