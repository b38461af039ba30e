/** Room 11. A federation in one process, and a made-up market to run it on. */
export { type MarketSettings, marketDefaults } from "./market/settings.ts";
export { type Market, syntheticMarket, writeMarket } from "./market/synthetic-market.ts";
