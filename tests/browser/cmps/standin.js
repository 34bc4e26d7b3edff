// The loader's part for consent platforms beside a stand-in for its core, once for every cookie header: what it said.
([part, headers, data]) => {
  const safe = (fn) => (...a) => { try { return fn(...a); } catch {} };
  const names = ["my", "win", "doc", "opts", "safe", "on", "json", "now", "said", "YES", "NO", "FOUR", "localStorage", "performance", "setTimeout"];
  const run = Function(...names, part);
  return headers.map((cookie) => {
    let heard = null;
    const said = (signals, source, decided_at) => { heard = { signals: { ...signals }, source, decided_at }; };
    const moment = 1795392000000; // at which the samples are read
    const four = ["analytics_storage", "ad_storage", "ad_user_data", "ad_personalization"];
    run({}, {}, { cookie }, data, safe, () => {}, JSON.stringify, () => moment, said, "granted", "denied", four, {},
      { timeOrigin: moment }, (fn, ms) => ms || fn());
    return heard;
  });
}
