import { describe, expect, it } from "vitest";
import { actionAliases, actionNumber, needsItem } from "./action-names.ts";
import { type Action, actions } from "./histories.ts";

const named = (name: string) => actions[actionNumber(name)];

describe("actionNumber", () => {
  it.each([
    ["pv", "view"],
    ["transaction", "buy"],
    ["purchase", "buy"],
    ["addtocart", "cart"],
    ["fav", "favourite"],
    ["click", "view"],
    ["Add to Cart", "cart"],
    ["ADD_TO_CART", "cart"],
    [" view ", "view"],
    ["advertClick", "advertClick"],
    ["begin_checkout", "checkout"],
  ] satisfies [string, Action][])("reads %j as %s", (name, action) => {
    expect(named(name)).toBe(action);
  });

  it("does not guess: removing from the cart is no cart", () => {
    for (const name of ["remove_from_cart", "removefromcart", "viewed twice", "", "constructor", "__proto__"]) {
      expect(actionNumber(name)).toBe(-1);
    }
  });

  it("gives each alias to one action only", () => {
    const names = Object.values(actionAliases).flat();
    expect(new Set(names).size).toBe(names.length);
    for (const action of actions) for (const alias of actionAliases[action]) expect(named(alias)).toBe(action);
  });

  it("remembers spellings without forgetting who is unknown, however many there are", () => {
    for (let i = 0; i < 5000; i++) expect(actionNumber(`unknown ${i}`)).toBe(-1);
    expect(named("Purchase")).toBe("buy");
  });

  it("needs an item for what is done to an item", () => {
    const itemless = actions.filter((_action, number) => !needsItem[number]);
    expect(itemless).toEqual(["search", "login", "category", "checkout"]);
  });
});
