// Segment's array stub, where the script tag says data-segment and the page has none: its calls wait for the second file.

if (opts.segment != null) {
  const S = win.analytics = win.analytics || [];
  for (const key of ["track", "page", "identify", "ready"]) S[key] = S[key] || ((...a) => S.push([key, ...a]));
}
