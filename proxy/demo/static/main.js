// The demo page. Plain modules, nothing fetched from elsewhere, nothing kept in the browser but what the gateway sets.
import { start as startBanner } from "./banner.js";
import { start as startFeed } from "./feed.js";
import { start as startShop } from "./shop.js";
import { start as startTools } from "./tools.js";

startFeed();
startTools();
startShop();
startBanner();
