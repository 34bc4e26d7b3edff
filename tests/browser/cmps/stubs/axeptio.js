// Axeptio: a cookie with $$completed:false once its banner was shown; it works off a queue of functions.
(() => {
  const NAME = "axeptio_cookies";
  const keep = (flags, completed) => {
    const said = { $$token: "JGM06qQmvM.z2y2adAv5K3KjUJ", $$date: new Date().toISOString(), $$cookiesVersion: { name: "en", identifier: "66f4" },
      ...flags, $$completed: completed };
    document.cookie = `${NAME}=${JSON.stringify(said).replace(/"/g, "%22").replace(/,/g, "%2C")}; path=/; max-age=31536000`;
    return said;
  };
  const stored = () => {
    const found = new RegExp(`(?:^|; )${NAME}=([^;]*)`).exec(document.cookie);
    return found && JSON.parse(decodeURIComponent(found[1]));
  };
  const listeners = [];
  const complete = (said) => listeners.forEach((one) => one(said));
  const sdk = { on: (name, fn) => name === "cookies:complete" && listeners.push(fn) };
  window.axeptioSettings = { clientId: "66f4", cookiesVersion: "en" };
  window.stub = (statistics, marketing) => complete(keep({ google_analytics: statistics, Google_Ads: marketing, facebook_pixel: marketing }, true));
  window.addEventListener("load", () => {
    (window._axcb || []).forEach((fn) => fn(sdk));
    window._axcb = { push: (fn) => fn(sdk) };
    if (!stored()) keep({}, false);
    else if (stored().$$completed) complete(stored());
  });
})();
