import { describe, expect, expectTypeOf, test } from "vitest";
import { toHex } from "../canonical/hex.ts";
import { nodeCrypto } from "../crypto/node.ts";
import { portableCrypto } from "../crypto/portable.ts";
import type { IdentityKey, NodeId, Sha256 } from "../identifiers.ts";
import { parseMessage } from "./parse.ts";
import type { BodyOf, Message, MessageOf } from "./schemas.ts";
import { signMessage, signStatement, verifyMessage, verifyStatement } from "./sign.ts";

const crypto = nodeCrypto();
const secret = new Uint8Array(32).fill(3);
const signer = { sign: (message: Uint8Array) => crypto.sign(message, secret) };
const key = toHex(crypto.signingPublicKey(secret)) as IdentityKey;
const otherKey = toHex(crypto.signingPublicKey(new Uint8Array(32).fill(4))) as IdentityKey;
const hash = (digit: string) => digit.repeat(64) as Sha256;

const masked = signMessage<"masked">(signer, {
  version: "1.0",
  federation: "example",
  planHash: hash("1"),
  modelHash: hash("2"),
  round: 5,
  sender: "shop-1" as NodeId,
  step: "masked",
  body: { h1: hash("3"), sha256: hash("4"), length: 10 },
});

/** The code and path of the refusal. */
function refusal(value: unknown): string {
  try {
    parseMessage(value);
  } catch (error) {
    const { code, details } = error as { code: string; details: { path?: string } };
    return `${code} ${details.path ?? ""}`.trim();
  }
  return "accepted";
}

describe("messages", () => {
  test("are verified with the sender's key by both implementations, and with no other key", () => {
    for (const implementation of [crypto, portableCrypto()]) {
      expect(verifyMessage(implementation, masked, key)).toBe(true);
      expect(verifyMessage(implementation, masked, otherKey)).toBe(false);
    }
  });

  test("are bound to every field: whichever changes, the signature no longer holds", () => {
    const changes: Partial<Message>[] = [
      { version: "1.1" },
      { federation: "another" },
      { planHash: hash("9") },
      { modelHash: hash("9") },
      { round: 6 },
      { sender: "shop-2" as NodeId },
      { body: { ...masked.body, length: 11 } },
    ];
    for (const change of changes) expect(verifyMessage(crypto, { ...masked, ...change } as Message, key)).toBe(false);
  });

  test("survive JSON", () => {
    const parsed = parseMessage(JSON.parse(JSON.stringify(masked)));
    expect(parsed).toEqual(masked);
    expect(verifyMessage(crypto, parsed, key)).toBe(true);
  });

  test("with an unknown field, a missing one or a wrong one are refused with its path", () => {
    expect(refusal({ ...masked, extra: 1 })).toBe("TRB_MESSAGE_INVALID extra");
    expect(refusal({ ...masked, body: { ...masked.body, extra: 1 } })).toBe("TRB_MESSAGE_INVALID body.extra");
    expect(refusal({ ...masked, body: { ...masked.body, length: 0 } })).toBe("TRB_MESSAGE_INVALID body.length");
    expect(refusal({ ...masked, round: 1.5 })).toBe("TRB_MESSAGE_INVALID round");
    expect(refusal({ ...masked, planHash: hash("A") })).toBe("TRB_MESSAGE_INVALID planHash");
    expect(refusal({ ...masked, step: "unknown" })).toBe("TRB_MESSAGE_INVALID step");
    for (const other of [null, undefined, 1, "x", []]) expect(refusal(other)).toMatch(/^TRB_MESSAGE_INVALID/);
  });

  test("can't come from a node that calls itself the coordinator where a node is meant", () => {
    expect(refusal({ ...masked, step: "survivors", body: { h1: hash("3"), survivors: ["coordinator"] } })).toBe(
      "TRB_MESSAGE_INVALID body.survivors.0",
    );
  });

  test("that are too large are refused before a schema reads them", () => {
    expect(refusal({ ...masked, body: "x".repeat(33 * 1024 * 1024) })).toBe("TRB_MESSAGE_TOO_LARGE");
    expect(refusal({ ...masked, body: new Array(2_000_001).fill(0) })).toBe("TRB_MESSAGE_TOO_LARGE");
    let deep: unknown = 0;
    for (let i = 0; i < 20; i++) deep = [deep];
    expect(refusal({ ...masked, body: deep })).toBe("TRB_MESSAGE_TOO_LARGE");
    const cycle: Record<string, unknown> = {};
    cycle["again"] = cycle;
    expect(refusal(cycle)).toBe("TRB_MESSAGE_TOO_LARGE");
  });

  test("are bounded by what an honest one can need: members, fields, texts; only a ledger line is longer", () => {
    const survivors = (count: number) => ({
      ...masked,
      step: "survivors",
      body: { h1: hash("3"), survivors: Array.from({ length: count }, (_, i) => `n-${i}`) },
    });
    expect(refusal(survivors(10_000))).toBe("accepted");
    expect(refusal(survivors(10_001))).toBe("TRB_MESSAGE_TOO_LARGE");
    const parsed = (count: number, roster: number) => () => parseMessage(survivors(count), "1.0", roster);
    expect(parsed(64, 3)).not.toThrow();
    expect(parsed(65, 3)).toThrow(expect.objectContaining({ code: "TRB_MESSAGE_TOO_LARGE" }));
    expect(parsed(70, 70)).not.toThrow();
    const nested = Array.from({ length: 40 }, () => new Array(9_000).fill(0));
    expect(refusal({ ...masked, body: nested })).toBe("TRB_MESSAGE_TOO_LARGE");
    expect(refusal({ ...masked, body: { h1: "x".repeat(4_097) } })).toBe("TRB_MESSAGE_TOO_LARGE");
    const fields = Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`k${i}`, 0]));
    expect(refusal({ ...masked, body: fields })).toBe("TRB_MESSAGE_TOO_LARGE");
    const result = (length: number) => ({ ...masked, step: "result", body: { entry: "x".repeat(length) } });
    expect(refusal(result(1_000_000))).toBe("accepted");
    expect(refusal(result(16_000_001))).toBe("TRB_MESSAGE_TOO_LARGE");
  });

  test("hold no octets, however many", () => {
    for (const octets of [new Uint8Array(3), new Uint8Array(5_000_000), new ArrayBuffer(8), new Map(), new Date(0)]) {
      expect(refusal({ ...masked, body: { h1: octets } })).toBe("TRB_MESSAGE_INVALID the document");
      expect(refusal(octets)).toBe("TRB_MESSAGE_INVALID the document");
    }
  });

  test("of a version that isn't spoken are refused by that, before their form is looked at", () => {
    for (const version of ["2.0", "0.1", "1.1"]) {
      expect(refusal({ ...masked, version, news: 1 })).toMatch(/^TRB_ROUND_VERSION_UNKNOWN/);
    }
    expect(parseMessage({ ...masked, version: "1.1" }, "1.3")).toMatchObject({ version: "1.1" });
    expect(refusal({ ...masked, version: "01.0" })).toBe("TRB_MESSAGE_INVALID version");
  });

  test("a step fixes the type of its body", () => {
    expectTypeOf(masked).toEqualTypeOf<MessageOf<"masked">>();
    expectTypeOf<BodyOf<"survivors">>().toEqualTypeOf<{ h1: Sha256; survivors: NodeId[]; uploads?: MessageOf<"masked">[] }>();
    expectTypeOf<MessageOf<"vote">["step"]>().toEqualTypeOf<"vote">();
    expectTypeOf<NodeId>().not.toEqualTypeOf<Sha256>();
    // @ts-expect-error a string is no NodeId until a schema has admitted it
    const node: NodeId = "shop-1";
    expect(node).toBe("shop-1");
  });
});

test("statements are bound to their purpose", () => {
  const signature = signStatement(signer, { purpose: "hello", nonce: "00" } as { purpose: string });
  expect(verifyStatement(crypto, { purpose: "hello", nonce: "00" } as { purpose: string }, signature, key)).toBe(true);
  expect(verifyStatement(crypto, { purpose: "identity", nonce: "00" } as { purpose: string }, signature, key)).toBe(false);
});
