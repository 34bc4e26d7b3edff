// Does the visitor decide now, or does a page say again what they decided before?
//
// What a page says again keeps the time of the first time (core.js), so that a visit renews no grant and undoes no withdrawal
// made elsewhere. A click shows that somebody is there: a statement soon after it is a decision of now, unless it was a click to
// another page, or the page has moved since. (Platforms say what they know on every move.)
{
  let click;
  on(win, "click", (e) => {
    const a = e.target.closest("a[href]");
    // told: had anything been stated before it? If not, this page's first statement may be late, and no answer to it.
    if (e.isTrusted) click = !(a && a.hostname && a.href.split("#")[0] != at({})) && { when: now(), url: at({}), told: my.told };
  });
  my.anew = (first) => click && now() - click.when < 5e3 && click.url == at({}) &&
    (first || click.told || (win.event?.isTrusted && win.event.type == "click"));
}
