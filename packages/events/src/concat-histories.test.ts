import fc from "fast-check";
import { expect, it } from "vitest";
import { concatHistories } from "./concat-histories.ts";
import { anyHistories } from "./random-histories.fixture.ts";
import { sliceHistories } from "./splitting.ts";
import { encodeHistories } from "./store-format.ts";

it("puts together again what was cut between customers, wherever it was cut", () => {
  fc.assert(
    fc.property(anyHistories, fc.array(fc.boolean(), { minLength: 20, maxLength: 20 }), (histories, cuts) => {
      const chunks: number[][] = [[]];
      histories.customers.forEach((_, customer) => {
        if (cuts[customer]) chunks.push([]);
        chunks.at(-1)?.push(customer);
      });
      const joined = concatHistories(chunks.map((customers) => sliceHistories(histories, customers)));
      expect(joined).toEqual(histories);
      expect(encodeHistories(joined)).toEqual(encodeHistories(histories));
    }),
    { seed: 36 },
  );
  expect(concatHistories([]).offsets).toEqual(Uint32Array.of(0));
});
