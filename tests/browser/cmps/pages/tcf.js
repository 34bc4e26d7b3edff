// A consent platform made of the IAB's own reference parts: stub, CmpApi and encoder, with three buttons of ours.
import "@iabtechlabtcf/stub";
import { CmpApi } from "@iabtechlabtcf/cmpapi";
import { GVL, TCModel, TCString } from "@iabtechlabtcf/core";

const KEY = "euconsent-v2";
const name = (id) => ({ id, name: `P${id}`, description: "", illustrations: [] });
const numbered = (count) => Object.fromEntries(Array.from({ length: count }, (_, i) => [i + 1, name(i + 1)]));
// A vendor list of our own making: who is on it is of no matter to a page.
const vendors = Object.fromEntries([755, 804, 1126].map((id) => [id, {
  id, name: `V${id}`, purposes: [1, 3, 4, 7], legIntPurposes: [2], flexiblePurposes: [], specialPurposes: [1], features: [],
  specialFeatures: [], cookieMaxAgeSeconds: 1, usesCookies: true, cookieRefresh: false, usesNonCookieAccess: false,
  dataRetention: {}, urls: [], dataDeclaration: [], deviceStorageDisclosureUrl: "https://other.test/",
}]));
const gvl = () => new GVL({
  gvlSpecificationVersion: 3, vendorListVersion: 178, tcfPolicyVersion: 5, lastUpdated: "2026-09-01T00:00:00Z",
  purposes: numbered(11), specialPurposes: numbered(3), features: numbered(3), specialFeatures: numbered(2), vendors,
  stacks: {}, dataCategories: {},
});

const stored = () => (document.cookie.match(/(?:^|; )euconsent-v2=([^;]*)/) || [])[1];

function answer(purposes) {
  const model = new TCModel(gvl());
  model.cmpId = 300; model.cmpVersion = 1; model.consentLanguage = "EN"; model.publisherCountryCode = "NO";
  model.isServiceSpecific = true;
  model.purposeConsents.set(purposes);
  if (purposes.length) model.vendorConsents.set([755, 804, 1126]);
  model.vendorsDisclosed.set([755, 804, 1126]);
  const text = TCString.encode(model);
  document.cookie = `${KEY}=${text}; path=/; secure; samesite=lax; max-age=31536000`;
  api.update(text, false);
  banner.hidden = true;
}


const banner = document.createElement("div");
banner.innerHTML = '<button id="yes">All</button><button id="no">None</button><button id="some">Storage only</button>';
banner.hidden = true;
const api = new CmpApi(300, 1, true);
window.cmp = { accept: () => answer([1, 2, 3, 4, 7, 9, 10]), refuse: () => answer([]), some: () => answer([1]) };
document.addEventListener("DOMContentLoaded", () => {
  document.body.append(banner);
  document.getElementById("yes").onclick = window.cmp.accept;
  document.getElementById("no").onclick = window.cmp.refuse;
  document.getElementById("some").onclick = window.cmp.some;
  banner.hidden = Boolean(stored());
  stored() ? api.update(stored(), false) : api.update("", true);
});
