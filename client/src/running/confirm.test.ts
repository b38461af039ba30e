/** What peers' heads are held to. */
import { emptyHead } from "@tributary/ledger";
import { expect, test } from "vitest";
import { hashOfLine } from "../home/ledger-copy.ts";
import { shownBy } from "./confirm.ts";

test("the copy's hash after each entry, and of 64 zeros after none, which a peer states that has read nothing yet", () => {
  const lines = ["first", "second"];
  const { entries, hashAfter } = shownBy({ lines: () => lines });
  expect(entries).toBe(2);
  expect([0, 1, 2].map(hashAfter)).toEqual([emptyHead.hash, hashOfLine("first"), hashOfLine("second")]);
});
