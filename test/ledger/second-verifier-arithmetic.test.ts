/** The arithmetic of verify.py, piece by piece: signatures, canonical bytes, divergences, Δ and σ². */
import { readFileSync } from "node:fs";
import { rdpIntegerOrders, rdpVector, sumQueryParameters } from "@tributary/dp";
import { seededRandom } from "@tributary/events";
import { fromHex, toHex } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { describe, expect, test } from "vitest";
import { exampleSecret } from "../../packages/ledger/src/example-ledger.ts";
import { smallOrderY } from "../../packages/protocol/src/crypto/strict.ts";
import { evaluate } from "./python.ts";

const crypto = nodeCrypto();
const vectors = (name: string) => JSON.parse(readFileSync(new URL(`../vectors/${name}`, import.meta.url), "utf8"));

/** [message, signature, key] in hex. RFC 8032 §7.1, tests 1 to 3 and SHA(abc). */
const rfc8032: readonly (readonly [string, string, string])[] = [
  [
    "",
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
  ],
  [
    "72",
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
  ],
  [
    "af82",
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
  ],
  [
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
  ],
];

const verifySignatures = (cases: readonly (readonly [string, string, string])[]) =>
  evaluate<boolean[]>("[signed(*map(bytes.fromhex, one)) for one in given]", cases);

const utf8 = (text: string) => new TextEncoder().encode(text);
const number = (hex: string) => [...fromHex(hex)].reduceRight((value, byte) => value * 256n + BigInt(byte), 0n);
const littleEndian = (value: bigint) =>
  toHex(Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 255n)));
const gcd = (a: bigint, b: bigint): bigint => (b === 0n ? a : gcd(b, a % b));

describe("the arithmetic of verify.py", () => {
  test("is RFC 8032's: its vectors, and the federation's own statements", () => {
    const { key: signer, statements } = vectors("protocol/statements.json");
    const own = statements.map(({ bytes, signature }: Record<string, string>) => [toHex(utf8(bytes ?? "")), signature, signer]);
    const cases = [...rfc8032, ...own];
    expect(verifySignatures(cases)).toEqual(cases.map(() => true));
    expect(verifySignatures(cases.map(([message, signature, of]) => [`${message}00`, signature, of]))).toEqual(
      cases.map(() => false),
    );
  });

  test("is as strict as ours, whatever is bent: S + L, encodings that are not canonical, points of small order", () => {
    const [[message, signature, signer]] = rfc8032 as [[string, string, string]];
    const [r, s] = [signature.slice(0, 64), signature.slice(64)];
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const prime = 2n ** 255n - 19n;
    const small = smallOrderY
      .flatMap((y) => [y, y + 2n ** 255n, y + prime, y + prime + 2n ** 255n])
      .filter((y) => y < 2n ** 256n);
    const zero = littleEndian(0n);
    const bent: [string, string, string][] = [
      [message, r + littleEndian(number(s) + order), signer],
      [message, r + littleEndian(order), signer],
      [message, r + littleEndian(2n ** 256n - 1n), signer],
      ...small.map((y): [string, string, string] => [message, littleEndian(y) + zero, littleEndian(y)]),
      ...small.map((y): [string, string, string] => [message, littleEndian(y) + s, signer]),
      ...small.map((y): [string, string, string] => [message, littleEndian(1n) + zero, littleEndian(y)]),
      [message, signature, littleEndian(prime + 3n)],
      [message, signature, littleEndian(2n)], // no point has this y
      [message, signature.slice(2), signer],
      [message, signature, signer.slice(2)],
    ];
    expect(verifySignatures(bent)).toEqual(bent.map(() => false));
    expect(bent.map(([text, made, of]) => crypto.verify(fromHex(made), fromHex(text), fromHex(of)))).toEqual(
      bent.map(() => false),
    );
  });

  test("decodes points in their one form only: y below p, no sign on x = 0, and on the curve", () => {
    const prime = 2n ** 255n - 19n;
    const sign = 2n ** 255n;
    const large = Array.from({ length: 19 }, (_, y) => [prime + BigInt(y), sign + prime + BigInt(y)]).flat();
    const encodings = [...large, sign + 1n, sign + prime - 1n, 2n].map(littleEndian);
    expect(evaluate("[decode_point(bytes.fromhex(one)) for one in given]", encodings)).toEqual(encodings.map(() => null));
    const points = [1n, prime - 1n, 3n, sign + 3n].map(littleEndian);
    expect(evaluate("[decode_point(bytes.fromhex(one)) is not None for one in given]", points)).toEqual(points.map(() => true));
  });

  test("says of 200 random signatures, half of them with one bit changed, what node:crypto says (seed 10)", () => {
    const random = seededRandom(10, "verify.py");
    const bytes = (length: number) => Uint8Array.from({ length }, () => random.below(256));
    const cases = Array.from({ length: 200 }, (_, i): [string, string, string] => {
      const [secret, message] = [exampleSecret(1 + (i % 8)), bytes(i)];
      const parts = [message, crypto.sign(message, secret), crypto.signingPublicKey(secret)];
      const part = parts[random.below(3)] as Uint8Array;
      const place = random.below(part.length);
      if (i % 2 === 1 && part.length > 0) part[place] = (part[place] ?? 0) ^ (1 << random.below(8));
      return parts.map(toHex) as [string, string, string];
    });
    const expected = cases.map(([message, signature, of]) => crypto.verify(fromHex(signature), fromHex(message), fromHex(of)));
    expect(verifySignatures(cases)).toEqual(expected);
    expect(expected.filter(Boolean).length).toBeGreaterThanOrEqual(100);
  });

  test("is the canonical form of the vectors", () => {
    const { documents } = vectors("protocol/canonical.json");
    const found = evaluate<string[][]>(
      "[[canonical(one['document']).decode(), sha256(canonical(one['document']))] for one in given]",
      documents,
    );
    expect(found).toEqual(documents.map(({ bytes, sha256 }: Record<string, string>) => [bytes, sha256]));
  });

  test("is the accountant's, to 1e-12: Google's ε at integer orders, and our divergences of 40 random rounds (seed 11)", () => {
    const google = vectors("dp-accounting.json").poisson_gaussian as { eps_rdp_integer_orders: number }[];
    const found = evaluate<number[]>(
      "[epsilon_of_renyi([one['T'] * renyi(a, one['q'], one['sigma']) for a in ORDERS], one['delta']) for one in given]",
      google,
    );
    for (const [i, one] of google.entries()) expect((found[i] ?? 0) / one.eps_rdp_integer_orders - 1).toBeCloseTo(0, 11);

    const random = seededRandom(11, "verify.py");
    const rounds = Array.from(
      { length: 40 },
      () => [10 ** (-5 * random.fraction()), 10 ** (2 * random.fraction() - 0.5)] as const,
    );
    const divergences = evaluate<number[][]>("[[renyi(a, q, z) for a in ORDERS] for q, z in given]", rounds);
    for (const [i, [samplingRate, noiseMultiplier]] of rounds.entries()) {
      const ours = rdpVector({ samplingRate, noiseMultiplier, steps: 1 });
      const worst = Math.max(...ours.map((cost, order) => Math.abs((divergences[i]?.[order] ?? 0) / cost - 1)));
      expect(worst, `q ${samplingRate}, z ${noiseMultiplier}`).toBeLessThan(1e-10);
    }
    expect(evaluate<number[]>("ORDERS", null)).toEqual(rdpIntegerOrders);
  });

  test("is continuous noise's curve, below which lattice never states ε", () => {
    const curve = vectors("dp-accounting.json").gaussian_exact as { sigma: number; delta: number; eps: number }[];
    const found = evaluate<number[]>("[epsilon_of_gaussian(1 / one['sigma'], one['delta']) for one in given]", curve);
    for (const [i, { eps }] of curve.entries()) expect((found[i] ?? 0) / eps - 1).toBeCloseTo(0, 10);
  });

  test("comes to the same Δ and σ² as nodes do, to the last bit, for 200 random plans (seed 12)", () => {
    const random = seededRandom(12, "verify.py");
    const upTo = (most: number) => 1 + random.below(most);
    const plans = Array.from({ length: 200 }, () => {
      const arithmetic = random.fraction() < 0.5 ? "exact" : "bucketed";
      const dimension = upTo(10_000);
      const minCohort = 2 + upTo(30);
      const one = {
        ...({ arithmetic, dimension, touched: arithmetic === "exact" ? upTo(dimension) : dimension, fractionBits: 0 } as const),
        ...{ clipNorm: (random.fraction() * 10 + 0.01).toPrecision(5), scale: (random.fraction() * 1e5 + 100).toPrecision(7) },
        ...{
          samplingRate: random.fraction() < 0.5 ? "1" : "0.05",
          noiseMultiplier: (random.fraction() * 20 + 2).toPrecision(4),
        },
      };
      const noiseMode = random.fraction() < 0.5 ? "local" : "distributed";
      const shared = {
        minCohort,
        maxCorrupt: upTo(minCohort) - 1,
        maxMerchantsPerCustomer: upTo(4),
        noiseMode,
        sampler: "exact",
      } as const;
      return [shared, one] as const;
    });
    const found = evaluate<string[][]>(
      "[[str(mechanism_of(plan, release)[name]) for name in ('sensitivity', 'nodeVariance', 'honestNodes')] for plan, release in given]",
      plans,
    );
    const written = ({ numerator, denominator }: { numerator: bigint; denominator: bigint }) => {
      const divisor = gcd(numerator, denominator);
      return denominator === divisor ? `${numerator / divisor}` : `${numerator / divisor}/${denominator / divisor}`;
    };
    const expected = plans.map(([shared, one]) => {
      const { sensitivity, nodeVariance, honestNodes } = sumQueryParameters({ ...shared, ...one, customerQuota: 64 });
      return [written(sensitivity), written(nodeVariance), String(honestNodes)];
    });
    expect(found).toEqual(expected);
  });
});
