// iubenda: tells by the callbacks of its configuration, and when asked; purpose 1 is always true.
(() => {
  window._iub = window._iub || [];
  _iub.csConfiguration = { siteId: 7654321, cookiePolicyId: 1, lang: "en", callback: {} };
  const call = (name, ...rest) => _iub.csConfiguration.callback[name] && _iub.csConfiguration.callback[name](...rest);
  window.stub = (statistics, marketing) => {
    const preference = {
      timestamp: new Date().toISOString(), version: "1.108.0",
      purposes: { 1: true, 2: false, 3: false, 4: statistics, 5: marketing }, id: 7654321, cons: { rand: "4f2a10" },
    };
    document.cookie = `_iub_cs-7654321=${encodeURIComponent(JSON.stringify(preference))}; path=/; max-age=31536000; secure`;
    call("onPreferenceExpressed", preference);
    call(statistics || marketing ? "onConsentGiven" : "onConsentRejected");
  };
  const stored = () => {
    const found = /(?:^|; )_iub_cs-7654321=([^;]*)/.exec(document.cookie);
    return found ? JSON.parse(decodeURIComponent(found[1])) : {};
  };
  window.addEventListener("load", () => { _iub.cs = { api: { getPreferences: stored } }; call("onReady", false); });
})();
