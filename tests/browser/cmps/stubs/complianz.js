// Complianz: a cookie for each category, an event for each, and the banner's status last; its API says yes by default.
(() => {
  const keep = (name, value) => { document.cookie = `cmplz_${name}=${value}; path=/; max-age=31536000; secure; samesite=lax`; };
  const value = (name) => (new RegExp(`(?:^|; )cmplz_${name}=([^;]*)`).exec(document.cookie) || [])[1];
  window.cmplz_has_consent = (category) => value(category) !== "deny";
  window.stub = (statistics, marketing) => {
    for (const [category, flag] of [["functional", true], ["preferences", false], ["statistics", statistics], ["marketing", marketing]]) {
      keep(category, flag ? "allow" : "deny");
      document.dispatchEvent(new CustomEvent("cmplz_status_change", { detail: { category, value: flag ? "allow" : "deny", region: "eu" } }));
    }
    keep("banner-status", "dismissed");
  };
  window.addEventListener("load", () => {
    keep("policy_id", "16"); keep("consenttype", "optin");
    if (!value("banner-status")) keep("banner-status", "show");
    document.dispatchEvent(new CustomEvent("cmplz_before_category", { detail: { category: "functional" } }));
  });
})();
