// CookieYes: its cookie exists before an answer, with an empty action, and with everything on where nobody is asked.
(() => {
  const keep = (action, statistics, marketing) => {
    const word = (flag) => (flag ? "yes" : "no");
    document.cookie = `cookieyes-consent=consentid:QWJjZGVmZ2hpamtsbW5vcA,consent:${action},action:${action},necessary:yes,functional:no,analytics:${
      word(statistics)},performance:no,advertisement:${word(marketing)},other:no; path=/; max-age=31536000; secure`;
  };
  const text = () => (/(?:^|; )cookieyes-consent=([^;]*)/.exec(document.cookie) || ["", ""])[1];
  window.getCkyConsent = () => ({
    activeLaw: "gdpr", isUserActionCompleted: text().includes("action:yes"), consentID: "QWJjZGVmZ2hpamtsbW5vcA",
    categories: { necessary: true, analytics: text().includes("analytics:yes"), advertisement: text().includes("advertisement:yes") },
  });
  const fire = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));
  window.stub = (statistics, marketing) => {
    keep("yes", statistics, marketing);
    const accepted = ["necessary", ...(statistics ? ["analytics"] : []), ...(marketing ? ["advertisement"] : [])];
    fire("cookieyes_consent_update", { accepted, rejected: ["analytics", "advertisement"].filter((one) => !accepted.includes(one)) });
  };
  window.addEventListener("load", () => { if (!text()) keep("", true, true); fire("cookieyes_banner_load", window.getCkyConsent()); });
})();
