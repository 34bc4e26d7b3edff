// What a page reports by itself: moves within it, links, downloads, forms, and elements that say data-track.

// data-no-spa on the script tag switches one kind off, data-auto="off" all of them.
const auto = (kind) => opts.auto != "off" && opts["no" + kind] == null;

if (auto("Spa")) {
  let here = at({});
  const moved = () => {
    const to = at({});
    if (to == here) return;
    ref = here;
    here = to;
    for (const k in sets) if (/^page_/.test(k)) delete sets[k];
    // A moment later, when the new page has its title. The page may have reported it itself by then.
    setTimeout(view, 50);
  };
  for (const name of ["pushState", "replaceState"]) {
    const old = history[name];
    history[name] = (...a) => {
      old.apply(history, a);
      safe(moved)();
    };
  }
  on(win, "popstate", moved);
  // Back to a page that was only put aside.
  on(win, "pageshow", (e) => e.persisted && track("page_view"));
}

on(doc, "click auxclick submit", (e) => {
  const form = e.type == "submit", t = e.target, up = (what) => t.closest(what);
  if (e.button > 1 || up("[data-sayso-ignore]")) return;
  const el = up(form ? "form[data-track]" : "[data-track]:not(form)"), p = {};
  if (el) {
    for (const { name, value } of el.attributes) if (/^data-track-/.test(name)) p[name.slice(11).replace(/-/g, "_")] = value;
    track(el.dataset.track, p);
  }
  // Never what is in its fields. (A field called id hides the form's own; it is no text, and not sent.)
  if (form && auto("Forms")) track("form_submit", { form_id: t.id, form_name: t.name });
  const a = up("a[href]"), link_domain = a.hostname, link_url = a.origin + a.pathname;
  if (form || !link_domain) return; // mail, telephone
  const file = /([^/]+)\.(pdf|(doc|xls|ppt)x?|txt|csv|zip|rar|7z|exe|dmg|mp[34])$/i.exec(link_url);
  if (file && auto("Downloads")) track("file_download", { link_url, file_name: file[0], file_extension: file[2] });
  else if (link_domain != loc.hostname && auto("Outbound")) track("click", { link_url, link_domain, outbound: true });
});
