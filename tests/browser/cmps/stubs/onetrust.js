// OneTrust: its cookie is written on load, with defaults, before anybody answered; the groups' event fires on every load.
(() => {
  const closed = () => /OptanonAlertBoxClosed=/.test(document.cookie);
  const keep = (groups, kind) => {
    const landing = closed() ? "NotLandingPage" : encodeURIComponent(location.href);
    document.cookie = `OptanonConsent=isGpcEnabled=0&datestamp=${encodeURIComponent(Date())}&version=202512.1.0&browserGpcFlag=0&isIABGlobal=false&hosts=&consentId=4b3f2a10-aaaa-4bbb-8ccc-0123456789ab&interactionCount=1&landingPath=${
      landing}&groups=${encodeURIComponent(groups)}${kind ? `&intType=${kind}` : ""}&AwaitingReconsent=false; path=/; max-age=31536000`;
    window.OnetrustActiveGroups = `,${groups.split(",").filter((one) => one.endsWith(":1")).map((one) => one.slice(0, -2)).join(",")},`;
  };
  const stored = () => decodeURIComponent((/groups=([^&;]*)/.exec(document.cookie) || ["", ""])[1]);
  const fire = () => {
    window.dispatchEvent(new CustomEvent("OneTrustGroupsUpdated", { detail: OnetrustActiveGroups.split(",") }));
    window.dispatchEvent(new CustomEvent("consent.onetrust", { detail: OnetrustActiveGroups.split(",") }));
    (window.dataLayer = window.dataLayer || []).push({ event: "OneTrustGroupsUpdated", OnetrustActiveGroups });
  };
  window.OneTrust = { IsAlertBoxClosed: closed };
  window.stub = (statistics, marketing) => {
    document.cookie = `OptanonAlertBoxClosed=${new Date().toISOString()}; path=/; max-age=31536000`;
    keep(`C0001:1,C0002:${+statistics},C0003:0,C0004:${+marketing}`, statistics && marketing ? 1 : statistics ? 0 : 2);
    fire();
  };
  window.addEventListener("load", () => { keep(stored() || "C0001:1,C0002:1,C0003:1,C0004:1"); fire(); });
})();
