// A platform that speaks the Global Privacy Platform of the IAB, for a visitor in the US: opt-outs alone, each 1 or 2.
(() => {
  const stored = () => JSON.parse(localStorage.getItem("gpp") || "null");
  const listeners = [];
  const ping = () => {
    const out = stored();
    return {
      gppVersion: "1.1", cmpStatus: "loaded", cmpDisplayStatus: "hidden", signalStatus: out === null ? "not ready" : "ready",
      supportedAPIs: ["7:usnat"], cmpId: 300, sectionList: [7], applicableSections: [7], gppString: "DBABLA~BAAVAAAAAQA.YA",
      parsedSections: { usnat: [
        { Version: 1, SaleOptOutNotice: 1, SaleOptOut: out ? 1 : 2, SharingOptOut: out ? 1 : 2, TargetedAdvertisingOptOut: out ? 1 : 2 },
        { SubsectionType: 1, Gpc: false },
      ] },
    };
  };
  const tell = (eventName, data) => listeners.forEach((fn, i) => fn({ eventName, listenerId: i + 1, data, pingData: ping() }, true));
  window.stub = (statistics, marketing) => {
    localStorage.setItem("gpp", JSON.stringify(!marketing));
    tell("sectionChange", "usnat");
    tell("signalStatus", "ready");
  };
  window.addEventListener("load", () => {
    window.__gpp = (command, callback) => {
      if (command === "ping") callback(ping(), true);
      if (command === "addEventListener") {
        listeners.push(callback);
        callback({ eventName: "listenerRegistered", listenerId: listeners.length, data: true, pingData: ping() }, true);
      }
    };
  });
})();
