// The loader's part for consent platforms beside a stand-in for its core, once for every cookie header: what it said.
([part, headers, data]) =>
  headers.map((cookie) => {
    let heard = null;
    const safe = (fn) => (...a) => { try { return fn(...a); } catch {} };
    const given = {
      win: {}, doc: { cookie }, opts: data, safe, on() {}, json: JSON.stringify,
      said: (signals, source, proof, decided_at) => { heard = { signals: { ...signals }, source, proof, decided_at }; },
      YES: "granted", NO: "denied", STATS: "analytics_storage", ADS: "ad_storage", USER: "ad_user_data",
      FOUR: ["analytics_storage", "ad_storage", "ad_user_data", "ad_personalization"],
      localStorage: {},
      performance: { timeOrigin: 1795392000000 }, // the moment at which the samples are read
      setTimeout: (fn, ms) => ms || fn(),
    };
    Function(...Object.keys(given), part)(...Object.values(given));
    return heard;
  })
