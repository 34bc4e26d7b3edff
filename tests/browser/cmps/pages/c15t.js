// c15t without its widgets, as a site with a banner of its own uses it.
import { getOrCreateConsentRuntime } from "c15t";

document.addEventListener("DOMContentLoaded", () => {
  const { consentStore } = getOrCreateConsentRuntime({
    mode: "offline", consentCategories: ["necessary", "measurement", "marketing"],
  });
  const state = () => consentStore.getState();
  const banner = document.createElement("div");
  banner.innerHTML = '<button id="yes">All</button><button id="no">None</button><button id="some">Statistics</button>';
  document.body.append(banner);
  const some = () => {
    state().setSelectedConsent("measurement", true);
    state().setSelectedConsent("marketing", false);
    return state().saveConsents("custom");
  };
  window.cmp = { accept: () => state().saveConsents("all"), refuse: () => state().saveConsents("necessary"), some };
  document.getElementById("yes").onclick = window.cmp.accept;
  document.getElementById("no").onclick = window.cmp.refuse;
  document.getElementById("some").onclick = some;
});
