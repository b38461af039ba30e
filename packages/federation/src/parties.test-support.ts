/**
 * Who takes part in the tests' federations, and by what plan: identities and random streams that follow from a label, and `node:crypto` with
 * its slow results remembered. Nothing here knows how a world runs (`harness.test-support.ts`).
 */
import type { RandomSource } from "@tributary/dp";
import { modelSpec } from "@tributary/model";
import { type Crypto, type Decimal, type IdentityKey, type Plan, type Sha256, toHex } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import type { Context } from "./step.ts";

/**
 * `node:crypto`, with the results of its slow pure functions remembered: worlds share their keys, so that a hundred of them
 * don't verify the same signatures a hundred times.
 */
export const crypto: Crypto = remembering(nodeCrypto());

function remembering(slow: Crypto): Crypto {
  const known = new Map<string, unknown>();
  const remember = <Result>(name: string, inputs: readonly Uint8Array[], compute: () => Result): Result => {
    const key = [name, ...inputs.map((input) => Buffer.from(input).toString("base64"))].join(" ");
    const before = known.get(key);
    if (before !== undefined) return before as Result;
    const result = compute();
    known.set(key, result);
    return result;
  };
  return {
    ...slow,
    sign: (message, secret) => remember("sign", [message, secret], () => slow.sign(message, secret)),
    verify: (signature, message, key) =>
      remember("verify", [signature, message, key], () => slow.verify(signature, message, key)),
    signingPublicKey: (secret) => remember("signing key", [secret], () => slow.signingPublicKey(secret)),
    agreementPublicKey: (secret) => remember("agreement key", [secret], () => slow.agreementPublicKey(secret)),
    agree: (secret, key) => remember("agree", [secret, key], () => slow.agree(secret, key)).slice(),
  };
}

export const dimension = 24;

/** A small deterministic stream: SHA-256 in counter mode over the label. */
export function seeded(label: string): RandomSource & { number(): number } {
  let counter = 0;
  let rest = new Uint8Array(0);
  const source = {
    fill(out: Uint8Array) {
      for (let i = 0; i < out.length; i++) {
        if (rest.length === 0) rest = new Uint8Array(crypto.sha256(new TextEncoder().encode(`${label}/${counter++}`)));
        out[i] = rest[0] ?? 0;
        rest = rest.subarray(1);
      }
    },
    /** Uniform in [0, 1), with 32 bits. */
    number() {
      const bytes = new Uint8Array(4);
      source.fill(bytes);
      return new DataView(bytes.buffer).getUint32(0) / 2 ** 32;
    },
  };
  return source;
}

export interface Identity {
  readonly secret: Uint8Array;
  readonly key: IdentityKey;
  readonly sign: (message: Uint8Array) => Uint8Array;
}

export function identity(label: string): Identity {
  const secret = new Uint8Array(32);
  seeded(`identity ${label}`).fill(secret);
  const key = toHex(crypto.signingPublicKey(secret)) as IdentityKey;
  const made: Identity = { secret, key, sign: (message) => crypto.sign(message, secret) };
  identities.set(key, made);
  return made;
}

/** All that were made: a party that has had several keys is asked for one of them. */
const identities = new Map<IdentityKey, Identity>();

/** As the reducer names the key. */
export function signAs(key: IdentityKey, message: Uint8Array): Uint8Array {
  const known = identities.get(key);
  if (known === undefined) throw new Error("a key that nobody has");
  return known.sign(message);
}

/** The streams are fresh whenever a context is made, as in a real process. */
export function contextOf(party: Identity, label: string): Context {
  return {
    crypto,
    random: (round, purpose) => seeded(`${label} ${round} ${purpose}`),
    sign: party.sign,
    now: "2026-01-01T00:00:00.000Z",
    software: hash("software"),
  };
}

export const hash = (text: string) => toHex(crypto.sha256(new TextEncoder().encode(text))) as Sha256;
const number = (text: string) => text as Decimal;

export function planOf(coordinatorKey: IdentityKey, overrides: Partial<Plan> = {}): Plan {
  return {
    version: 1,
    federation: "test",
    unit: "customer",
    maxMerchantsPerCustomer: 1,
    model: modelSpec({ items: 1, length: 1, width: 1 }),
    graphVersion: 1,
    graphHash: hash("graph"),
    initialModelHash: hash("model 0"),
    catalogueHash: hash("catalogue"),
    catalogueProvenance: "public",
    actions: ["view"],
    caps: { maxEvents: 1, maxItems: 1, maxPairs: 0, localSteps: 1 },
    local: { learningRate: number("1"), proximal: number("0"), epochs: 1, batchSize: 32 },
    releases: [
      {
        kind: "training",
        arithmetic: "bucketed",
        clipNorm: number("1"),
        samplingRate: number("0.1"),
        noiseMultiplier: number("1"),
        rounds: 3,
        dimension,
        touched: dimension,
        scale: number("1000"),
        fractionBits: 4,
      },
    ],
    noiseMode: "distributed",
    sampler: "exact",
    accountant: "rdp-integer",
    epsilon: number("8"),
    delta: number("0.000001"),
    minCustomers: 1000,
    minCohort: 4,
    maxCorrupt: 1,
    threshold: "quorum",
    customerQuota: 64,
    deadlines: { keys: 10, shares: 10, uploadOffset: 10, masked: 10, consistency: 10, unmask: 10, grace: 10 },
    optimiser: { name: "fedavg", learningRate: number("1"), momentum: number("0") },
    coordinatorKey,
    ...overrides,
  };
}
