// Segment's array stub, where the script tag says data-segment and the page has none: its calls wait for the second file.

if (opts.segment != null) {
  const S = (win.analytics = win.analytics || []);
  for (const name of ["track", "page", "identify", "ready"]) S[name] = S[name] || ((...a) => S.push([name, ...a]));
}
