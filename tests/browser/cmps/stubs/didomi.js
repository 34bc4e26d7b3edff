// Didomi: base64 JSON; a site's own purposes end with a random id, and Google Analytics may be a vendor of its own.
(() => {
  const NAME = "didomi_token";
  const IDS = ["audience-measurement-Xk3P9qLm", "marketing-G4Fw3bTd"];
  const stored = () => {
    const found = new RegExp(`(?:^|; )${NAME}=([^;]*)`).exec(document.cookie);
    return found && JSON.parse(atob(found[1]));
  };
  const listeners = window.didomiEventListeners || [];
  window.stub = (statistics, marketing) => {
    const flags = [statistics, marketing];
    const now = new Date().toISOString();
    const status = {
      user_id: "19b2f3c4-aaaa-6bbb-8ccc-0123456789ab", created: "2026-01-05T07:00:00.000Z", updated: now,
      vendors: { enabled: marketing ? ["google", "facebook"] : [], disabled: marketing ? [] : ["google", "facebook"] },
      purposes: { enabled: IDS.filter((_, i) => flags[i]), disabled: IDS.filter((_, i) => !flags[i]) },
      vendors_li: { enabled: ["google"] }, purposes_li: { enabled: ["marketing-G4Fw3bTd"] }, version: 2,
    };
    document.cookie = `${NAME}=${btoa(JSON.stringify(status))}; path=/; max-age=31536000; secure`;
    listeners.filter((one) => one.event === "consent.changed").forEach((one) => one.listener({}));
  };
  window.addEventListener("load", () => {
    window.Didomi = {
      on: (event, listener) => listeners.push({ event, listener }),
      getUserStatus: () => ({ purposes: { consent: (stored() || { purposes: { enabled: [], disabled: [] } }).purposes } }),
    };
    (window.didomiOnReady || []).forEach((fn) => fn(window.Didomi));
  });
})();
