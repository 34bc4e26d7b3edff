// The shop: four products, a checkout, an order. Its pages keep the query with which the visitor came, click ids and all.
import { leave, pageUrl, send } from "./gateway.js";
import { byId, config, fill, price, words } from "./page.js";

let bought = "";
let done = () => {};
/** Fulfilled once the first page view was taken: it may have set the visitor's cookie. */
export const ready = new Promise((resolve) => {
  done = resolve;
});

const named = (id) => words.shop.products[id];
const find = (id) => config.products.find((product) => product.id === id);

function itemsOf(product) {
  const item = { item_id: product.sku, item_name: named(product.id).name, price: product.price, quantity: 1 };
  return { currency: "NOK", value: product.price, items: [item] };
}

/** Which view a path asks for. A reload has lost the basket, so it begins at the shop. */
function viewOf(path) {
  const [, name, id] = path.split("/");
  if (name === "p" && find(id)) return ["product", find(id)];
  if (name === "checkout" && find(id) && history.state?.begun) return ["checkout", find(id)];
  if (name === "thanks" && bought) return ["thanks", null];
  return ["shop", null];
}

function fillIn(view, product) {
  if (view === "product") {
    byId("detail-picture").src = `/static/${product.id}.svg`;
    byId("detail-name").textContent = named(product.id).name;
    byId("detail-text").textContent = named(product.id).text;
    byId("detail-price").textContent = price(product.price);
    byId("detail-buy").dataset.buy = product.id;
  } else if (view === "checkout") {
    byId("checkout").dataset.product = product.id;
    byId("checkout-name").textContent = named(product.id).name;
    byId("checkout-price").textContent = price(product.price);
    byId("pay").textContent = fill(words.shop.pay, { price: price(product.price) });
  } else if (view === "thanks") {
    byId("thanks-text").textContent = fill(words.shop.thanks_text, { order: bought });
  }
}

function titleOf(view, product) {
  const page = { shop: "", product: product && named(product.id).name, checkout: words.shop.checkout, thanks: words.shop.thanks }[view];
  return page ? `${page} · ${words.shop.brand}` : words.shop.brand;
}

function render(focus) {
  const [view, product] = viewOf(location.pathname);
  fillIn(view, product);
  document.title = titleOf(view, product);
  for (const one of document.querySelectorAll(".view")) one.hidden = one.dataset.view !== view;
  showAddress();
  if (focus) document.querySelector(`[data-view="${view}"] h2`).focus({ preventScroll: true });
  document.querySelector(".store").scrollTop = 0;
  return [view, product];
}

function showAddress() {
  const url = new URL(pageUrl());
  byId("address").textContent = url.host + url.pathname + url.search;
  byId("address").title = url.href;
}

function go(path, state = null) {
  leave();
  history.pushState(state, "", path + location.search);
  const [view, product] = render(true);
  if (view === "product") send("view_item", itemsOf(product)).catch(() => {});
}

function buy(id) {
  const product = find(id);
  send("add_to_cart", itemsOf(product)).catch(() => {});
  go(`/checkout/${id}`, { begun: true });
  send("begin_checkout", itemsOf(product)).catch(() => {});
}

function pay(event) {
  event.preventDefault();
  const form = event.target;
  const product = find(form.dataset.product);
  bought = `U-${Math.random().toString(36).slice(2, 8).toUpperCase()}`;
  go("/thanks");
  send(
    "purchase",
    { transaction_id: bought, ...itemsOf(product) },
    { email: form.elements.email.value, phone: form.elements.phone.value },
  ).catch(() => {});
}

export function start() {
  document.querySelector(".store").addEventListener("click", (event) => {
    const link = event.target.closest("[data-go]");
    const button = event.target.closest("[data-buy]");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      go(link.dataset.go);
    } else if (button) {
      buy(button.dataset.buy);
    }
  });
  byId("checkout").addEventListener("submit", pay);
  addEventListener("popstate", () => render(true));
  render(false);
  send("page_view").then(done, done);
}
