/** `test/vectors/protocol` is what the code does, with either `Crypto`; and its round adds up by arithmetic that isn't the code's. */
import { readdirSync, readFileSync } from "node:fs";
import { verifyLedger } from "@tributary/ledger";
import { portableCrypto } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { describe, expect, test } from "vitest";
import { protocolVectors } from "./vectors.ts";

const folder = new URL("../vectors/protocol/", import.meta.url);
const read = (name: string): unknown => JSON.parse(readFileSync(new URL(`${name}.json`, folder), "utf8"));
const names = readdirSync(folder).map((file) => file.replace(/\.json$/, ""));

describe.each([
  ["node:crypto", nodeCrypto()],
  ["portable", portableCrypto()],
])("the vectors by %s", (_, crypto) => {
  test("come out as they stand in the files", async () => {
    const made = JSON.parse(JSON.stringify(await protocolVectors(crypto))) as Record<string, unknown>;
    expect(Object.keys(made).sort()).toEqual([...names].sort());
    for (const name of names) expect(made[name], name).toEqual(read(name));
  });
});

interface Transcript {
  readonly vectors: Readonly<Record<string, string>>;
  readonly masked: Readonly<Record<string, string>>;
  readonly sum: string;
  readonly ledger: readonly string[];
  readonly messages: readonly { readonly message: { readonly step: string } }[];
}

test("the round's sum is the survivors' vectors added up word by word, which no masked vector shows; its ledger verifies", () => {
  const { vectors, masked, sum, ledger, messages } = read("round") as Transcript;
  expect(Object.keys(masked)).toEqual(["shop-1", "shop-2", "shop-3"]);
  const words = (hex: string) => new Uint32Array(Uint8Array.from(Buffer.from(hex, "hex")).buffer);
  const total = words(vectors["shop-1"] ?? "").map((_, i) =>
    Object.keys(masked).reduce((all, node) => (all + (words(vectors[node] ?? "")[i] ?? 0)) >>> 0, 0),
  );
  expect(words(sum)).toEqual(total);
  for (const [node, hex] of Object.entries(masked)) {
    const plain = words(vectors[node] ?? "");
    expect(words(hex).filter((word, i) => word === plain[i])).toHaveLength(0);
  }
  const steps = [...new Set(messages.map(({ message }) => message.step))];
  expect(steps).toEqual([
    ...["offer", "advert", "adverts", "shares", "envelopes", "masked"],
    ...["survivors", "vote", "unmask", "unmaskShares", "result"],
  ]);
  const file = new TextEncoder().encode(ledger.map((line) => `${line}\n`).join(""));
  expect(verifyLedger(file, { crypto: nodeCrypto() })).toMatchObject({
    verified: true,
    complete: true,
    rounds: { released: 1 },
  });
});
