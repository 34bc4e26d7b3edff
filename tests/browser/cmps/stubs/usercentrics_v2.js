// Usercentrics 2: no cookie; the API has services, with defaults before an answer, which a flag in the storage tells.
(() => {
  const stored = () => JSON.parse(localStorage.getItem("uc_settings") || "null");
  const services = (flags) => [
    { id: "HkocEodjb7", name: "Google Analytics", categorySlug: "statistics", consent: { history: [], status: flags[0] } },
    { id: "S1_9Vsuj-Q", name: "Google Ads", categorySlug: "marketing", consent: { history: [], status: flags[1] } },
    { id: "H1Vl5NidjWX", name: "Usercentrics", categorySlug: "essential", consent: { history: [], status: true } },
  ];
  window.addEventListener("load", () => {
    window.UC_UI = { isInitialized: () => true, getServicesBaseInfo: () => services(stored() || [true, true]) };
    window.dispatchEvent(new Event("UC_UI_INITIALIZED"));
  });
  window.stub = (statistics, marketing) => {
    localStorage.setItem("uc_settings", JSON.stringify([statistics, marketing]));
    localStorage.setItem("uc_user_interaction", "true");
    const type = statistics && marketing ? "ACCEPT_ALL" : statistics ? "SAVE" : "DENY_ALL";
    window.dispatchEvent(new CustomEvent("UC_UI_CMP_EVENT", { detail: { source: "button", type } }));
  };
})();
