/**
 * What shops call their events, and which of our actions each means.
 *
 * Names are compared after lower-casing and dropping blanks, `_`, `-`, `.` and `/`, so `Add to cart`, `add_to_cart` and `addToCart` are
 * one name. What is not listed is unknown and its row is dropped and counted: `remove_from_cart` must not become `cart`.
 */
import { type Action, actions } from "./histories.ts";

/** Further names for each action, in compared form. Sources: GA4, RetailRocket, Taobao, Tmall and REES46 exports. */
export const actionAliases: Readonly<Record<Action, readonly string[]>> = {
  view: ["pv", "pageview", "click", "clk", "viewitem", "productview", "viewproduct", "detail", "detailview", "itemview"],
  cart: ["addtocart", "addcart", "cartadd", "atc", "basket", "addtobasket", "tocart"],
  favourite: ["fav", "favorite", "favourites", "favorites", "wishlist", "addtowishlist", "collect", "like", "bookmark"],
  buy: ["purchase", "transaction", "order", "bought", "sale", "pay", "payment", "alipay", "conversion"],
  search: ["query", "searching", "viewsearchresults"],
  login: ["signin", "logon"],
  category: ["viewcategory", "categoryview", "viewitemlist", "browse", "list"],
  checkout: ["begincheckout", "startcheckout", "initiatecheckout"],
  impression: ["imp", "shown", "exposure", "viewpromotion"],
  advertClick: ["adclick", "clickad", "adclk", "advertclick", "selectpromotion"],
};

/** Actions that need no item: their event is kept, with item 0, when the item is missing or not in the catalogue. */
const itemlessActions: ReadonlySet<Action> = new Set(["search", "login", "category", "checkout"]);

/** By action number. */
export const needsItem: readonly boolean[] = actions.map((action) => !itemlessActions.has(action));

const compared = (name: string) => name.toLowerCase().replace(/[\s_\-./]+/g, "");

const numberOfName: ReadonlyMap<string, number> = new Map(
  actions.flatMap((action, number) => [action, ...actionAliases[action]].map((name) => [compared(name), number] as const)),
);

/** Every name in compared form (blanks, `_`, `-`, `.` and `/` dropped, lower case), with its action's number. */
export const actionSpellings: readonly { readonly spelling: string; readonly action: number }[] = [...numberOfName].map(
  ([spelling, action]) => ({ spelling, action }),
);

/** A log spells its handful of actions the same way a million times; more spellings than this are not remembered. */
const rememberedSpellings = 1024;
const spellings = new Map<string, number>();

/** The action's place in `actions`, or −1 for a name that nobody knows. */
export function actionNumber(name: string): number {
  const known = spellings.get(name);
  if (known !== undefined) return known;
  const number = numberOfName.get(compared(name)) ?? -1;
  if (spellings.size < rememberedSpellings && name.length <= 64) spellings.set(name, number);
  return number;
}
