// Usercentrics 3: no cookie; the API answers by promises, and says whether consent was explicit.
(() => {
  const stored = () => JSON.parse(localStorage.getItem("ucData") || "null");
  const service = (name, category, given, type) => ({ name, category, consent: { given, type } });
  const details = () => {
    const flags = stored(), type = flags ? "EXPLICIT" : "IMPLICIT", [statistics, marketing] = flags || [true, true];
    return {
      consent: { status: statistics && marketing ? "ALL_ACCEPTED" : statistics ? "SOME_ACCEPTED" : "ALL_DENIED", type, required: true },
      services: {
        HkocEodjb7: service("Google Analytics", "statistics", statistics, type),
        "S1_9Vsuj-Q": service("Google Ads", "marketing", marketing, type),
        H1Vl5NidjWX: service("Usercentrics", "essential", true, type),
      },
    };
  };
  window.addEventListener("load", () => {
    window.__ucCmp = { isInitialized: () => Promise.resolve(true), getConsentDetails: () => Promise.resolve(details()) };
    window.dispatchEvent(new Event("UC_CMP_API_READY"));
    window.dispatchEvent(new Event("UC_UI_INITIALIZED"));
  });
  window.stub = (statistics, marketing) => {
    localStorage.setItem("ucData", JSON.stringify([statistics, marketing]));
    const type = statistics && marketing ? "ACCEPT_ALL" : statistics ? "SAVE" : "DENY_ALL";
    window.dispatchEvent(new CustomEvent("UC_UI_CMP_EVENT", { detail: { source: "button", type } }));
  };
})();
