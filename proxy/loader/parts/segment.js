// Segment's calls, where the script tag says data-segment: window.analytics, as far as pages use it.

if (opts.segment != null) {
  const S = (win.analytics = win.analytics || []);
  Object.assign(S, {
    track: safe((name, p = {}, ...more) => {
      track(name == "Order Completed" ? "purchase" : name.toLowerCase(), {
        value: p.revenue,
        transaction_id: p.order_id,
        items: p.products?.map((i) => ({ item_id: i.product_id, item_name: i.name, item_category: i.category, ...i })),
        event_callback: [p, ...more].find((f) => f?.call), // after the properties, or Segment's options, which are not used
        ...p,
      });
    }),
    page: view,
    identify(id, p) {
      if (p) sets.user_id = id;
      sets.user_data = p || id;
    },
    ready: (f) => f(),
  });
  // What was called before this came.
  then(() => S.splice(0).map(safe(([name, ...a]) => S[name]?.(...a))));
}
