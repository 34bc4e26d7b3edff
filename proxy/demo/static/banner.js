// The shop's own consent banner: three answers, equal in every way, and a way back at any time.
import { decide } from "./gateway.js";
import { byId, config, fill, tell, words } from "./page.js";
import { ready } from "./shop.js";
import { refresh } from "./tools.js";

const banner = byId("banner");
const settings = byId("settings");
let choice = "none";

function choiceOf(state) {
  const values = [state.analytics_storage, state.ad_storage, state.ad_user_data, state.ad_personalization];
  if (values.every((value) => value === "unknown")) return "none";
  if (values.every((value) => value === "granted")) return "accept";
  return state.analytics_storage === "granted" ? "stats" : "refuse";
}

function show(now) {
  choice = now;
  byId("choice").textContent = fill(words.shop.choice, { choice: words.banner.choices[choice] });
  byId("later").hidden = choice === "none";
}

function close() {
  banner.hidden = true;
  settings.focus();
}

async function answer(event) {
  const chosen = event.target.closest("button[data-choice]")?.dataset.choice;
  if (!chosen) return;
  await decide(chosen);
  show(chosen);
  close();
  byId("said").textContent = fill(words.banner.saved, { choice: words.banner.choices[chosen] });
  await tell("/notes", { note: chosen, site: config.preset });
  await refresh();
}

export async function start() {
  banner.addEventListener("click", (event) => answer(event).catch(() => {}));
  byId("banner-close").addEventListener("click", close);
  banner.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && choice !== "none") close();
  });
  settings.addEventListener("click", () => {
    banner.hidden = false;
    byId("banner-heading").focus();
  });
  show("none");
  await ready.catch(() => {});
  const found = choiceOf(await refresh());
  show(found);
  banner.hidden = found !== "none";
}
