/** docs/protocol.md is true: its worked example, its list of messages, and the statements that it names. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { canonicalBytes, hashOf } from "./canonical/canonical.ts";
import { formatDecimal } from "./canonical/decimals.ts";
import { fromHex, toHex } from "./canonical/hex.ts";
import { nodeCrypto } from "./crypto/node.ts";
import { portableCrypto } from "./crypto/portable.ts";
import type { IdentityKey } from "./identifiers.ts";
import { messageSchema } from "./messages/schemas.ts";
import { randomSourceFromSeed } from "./randomness/seeded-source.ts";
import { fingerprintOf } from "./roster.ts";

const page = readFileSync(new URL("../../../docs/protocol.md", import.meta.url), "utf8");
const stated = (name: string) => new RegExp(`^${name} +(\\S+)`, "m").exec(page)?.[1];

describe.each([
  ["node", nodeCrypto()],
  ["portable", portableCrypto()],
])("docs/protocol.md by %s crypto", (_, crypto) => {
  test("states a worked example that comes out so", () => {
    const document = { round: 7, federation: "example", epsilon: formatDecimal(1 / 3, "up") };
    const secret = fromHex(stated("secret seed") ?? "");
    const key = toHex(crypto.signingPublicKey(secret)) as IdentityKey;
    const stream = new Uint8Array(16);
    randomSourceFromSeed(crypto, secret, "round", "", 7, "negatives").fill(stream);
    expect(new TextDecoder().decode(canonicalBytes(document))).toBe(stated("document"));
    expect(hashOf(crypto, document)).toBe(stated("its hash"));
    expect(key).toBe(stated("public key"));
    expect(fingerprintOf(crypto, key)).toBe(stated("fingerprint"));
    expect(toHex(crypto.sign(canonicalBytes(document), secret))).toBe(stated("its signature"));
    expect(toHex(stream)).toBe(stated("seeded stream"));
  });
});

test("docs/protocol.md lists every message in the order of a round", () => {
  const steps = messageSchema.options.map((option) => option.shape.step.value);
  const section = page.slice(page.indexOf("## Messages of a round"), page.indexOf("## The ledger"));
  expect([...section.matchAll(/^\| `(\w+)` +\|/gm)].map(([, step]) => step)).toEqual(steps);
});
