// What cannot be heard afterwards: clicks, and moves within the page. Until the second file (auto.js) is there they wait for it.

my.here = at({});
on(doc, "click auxclick submit", (e) => my.hear(e));
for (const key of ["pushState", "replaceState"]) {
  const old = history[key];
  history[key] = (...a) => {
    old.apply(history, a);
    safe(my.hear)();
  };
}
