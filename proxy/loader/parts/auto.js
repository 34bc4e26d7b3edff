// What a page reports by itself: moves within it, links, downloads, forms, and elements that say data-track. The first file
// hears of clicks and moves (early.js).

// data-no-spa on the script tag switches one kind off, data-auto="off" all of them.
const auto = (kind) => opts.auto != "off" && opts["no" + kind] == null;

// "to": the address, without its #fragment.
const moved = (to) => {
  if (to == my.here || !auto("Spa")) return;
  my.ref = my.here;
  my.here = to;
  for (const k in sets) if (/^page_/.test(k)) delete sets[k];
  // A moment later, when the new page has its title. The page may have reported it itself by then.
  if (to == at({})) setTimeout(view, 99);
  else track("page_view", { page_location: to }); // left again, before this file was there
};
const acted = (e) => {
  const form = e.type == "submit", t = e.target, up = (what) => t.closest(what);
  if (e.button > 1 || up("[data-sayso-ignore]")) return;
  const el = up(form ? "form[data-track]" : "[data-track]:not(form)"), p = {};
  if (el) {
    for (const { name, value } of el.attributes) if (/^data-track-/.test(name)) p[name.slice(11).replace(/-/g, "_")] = value;
    track(el.dataset.track, p);
  }
  // Never what is in its fields. (A field called id hides the form's own; it is no text, and not sent.)
  if (form && auto("Forms")) track("form_submit", { form_id: t.id, form_name: t.name });
  // (A link of a drawing, SVG, has its address in baseVal.)
  const href = up("a[href]").href, a = new URL(href.baseVal ?? href, doc.baseURI), link_domain = a.hostname, link_url = a.origin + a.pathname;
  if (form || !link_domain) return; // mail, telephone
  const file = /([^/]+)\.(pdf|(doc|xls|ppt)x?|txt|csv|zip|rar|7z|exe|dmg|mp[34])$/i.exec(link_url);
  if (file && auto("Downloads")) track("file_download", { link_url, file_name: file[0], file_extension: file[2] });
  else if (link_domain != loc.hostname && auto("Outbound")) track("click", { link_url, link_domain, outbound: true });
};
my.hear = (e, to = at({})) => (e ? acted(e) : moved(to));
on(win, "popstate", () => my.hear());
// Back to a page that was only put aside.
if (auto("Spa")) on(win, "pageshow", (e) => e.persisted && track("page_view"));
// What was done before this file was there.
then(() => [...my.early, []].map(safe((a) => my.hear(...a))));
