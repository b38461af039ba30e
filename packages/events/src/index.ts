/** Room 1. Logs in, clean per-customer histories out. */
export type { Catalogue, CatalogueItem } from "./catalogue.ts";
export { type Action, actions, type Histories } from "./histories.ts";
