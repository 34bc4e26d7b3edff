// The panels: what is known of this visitor, and the switch that makes a vendor misbehave.
import { consent } from "./gateway.js";
import { byId, chips, tell, words } from "./page.js";

function show(id, there, yes, no) {
  const place = byId(id);
  place.textContent = there ? yes : no;
  place.dataset.there = String(there);
}

/** Look again, and return the visitor's state as the gateway tells it. */
export async function refresh() {
  const state = await consent();
  // The cookies are HttpOnly: only a server of this host can tell whether the browser sends them.
  const cookies = await (await fetch("/visitor")).json();
  show("id-cookie", cookies.id, words.visitor.id_yes, words.visitor.id_no);
  show("refusal-cookie", cookies.refusal, words.visitor.refusal_yes, words.visitor.refusal_no);
  chips(byId("state"), state);
  byId("state-raw").textContent = JSON.stringify(state, null, 2);
  return state;
}

export function start() {
  byId("faults").addEventListener("change", (event) => tell("/vendors/meta", { fault: event.target.value }));
}
