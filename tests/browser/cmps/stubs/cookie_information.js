// Cookie Information: before an answer its API says false to everything; its events fire on every page once answered.
(() => {
  const NAME = "CookieInformationConsent";
  const stored = () => {
    const found = new RegExp(`(?:^|; )${NAME}=([^;]*)`).exec(document.cookie);
    return found && JSON.parse(decodeURIComponent(found[1]));
  };
  const fire = () => ["CookieInformationConsentGiven", "CookieInformationConsentForGCMTemplate"]
    .forEach((name) => window.dispatchEvent(new Event(name)));
  window.CookieInformation = { getConsentGivenFor: (name) => Boolean(stored() && stored().consents_approved.includes(name)) };
  window.stub = (statistics, marketing) => {
    const all = { cookie_cat_necessary: true, cookie_cat_functional: false, cookie_cat_statistic: statistics, cookie_cat_marketing: marketing };
    const names = (value) => Object.keys(all).filter((name) => all[name] === value);
    document.cookie = `${NAME}=${encodeURIComponent(JSON.stringify({
      website_uuid: "w-1", timestamp: new Date().toISOString(), consent_url: location.href, consent_website: "shop.test",
      consent_domain: location.hostname, user_uid: "4b3f2a10-aaaa-4bbb-8ccc-0123456789ab",
      consents_approved: names(true), consents_denied: names(false), user_agent: navigator.userAgent,
    }))}; path=/; max-age=31536000; secure`;
    window.dispatchEvent(new Event("CookieInformationConsentSubmitted"));
    fire();
  };
  window.addEventListener("load", () => { window.dispatchEvent(new Event("CookieInformationAPIReady")); if (stored()) fire(); });
})();
