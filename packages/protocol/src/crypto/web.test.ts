/** That WebCrypto's Ed25519, as it is asked here, accepts what `portableCrypto` accepts and refuses what it refuses: on every edge that implementations are known to differ on. */
import { createHash, webcrypto } from "node:crypto";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { fromHex } from "../canonical/hex.ts";
import { add, basePoint, big, encoded, groupOrder, lift, little, type Point, p, times } from "./curve-arithmetic.ts";
import { portableCrypto, portableVerify } from "./portable.ts";
import { smallOrderY } from "./strict.ts";
import { type SubtleEd25519, type VerifyLater, webVerify } from "./web.ts";

const portable = portableCrypto();
const subtle: SubtleEd25519<webcrypto.CryptoKey> = webcrypto.subtle;
/** Nothing in these tests may be left to the slow way unless it says so. */
const unasked: VerifyLater = () => Promise.reject(new Error("left to the slow way"));
const slowly: VerifyLater = async (...asked) => portable.verify(...asked);
let web: VerifyLater;

beforeAll(async () => {
  web = (await webVerify(subtle, slowly)) ?? unasked;
});

const utf8 = (text: string) => new TextEncoder().encode(text);
const join = (...parts: readonly Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
/** k of RFC 8032 §5.1.7, not reduced. */
const challenge = (r: Uint8Array, key: Uint8Array, message: Uint8Array) =>
  big(createHash("sha512").update(r).update(key).update(message).digest());

async function expectAlike(signature: Uint8Array, message: Uint8Array, key: Uint8Array): Promise<boolean> {
  const answer = portable.verify(signature, message, key);
  expect(await web(signature, message, key)).toBe(answer);
  expect(portableVerify(signature, message, key)).toBe(answer);
  return answer;
}

const secret = new Uint8Array(32).fill(11);
const publicKey = portable.signingPublicKey(secret);
const message = utf8("an entry");
const signature = portable.sign(message, secret);
/** The eight points whose order divides 8. */
const torsion: readonly Point[] = (() => {
  for (let y = 3n; ; y++) {
    const point = lift(y);
    if (point === undefined) continue;
    const found = times(groupOrder, point);
    if (times(4n, found)[1] !== 1n) return Array.from({ length: 8 }, (_, k) => times(BigInt(k), found));
  }
})();

describe("WebCrypto's answer is the portable one's", () => {
  test("for what is signed, and with every octet of signature, key and message changed", async () => {
    expect(await expectAlike(signature, message, publicKey)).toBe(true);
    for (let place = 0; place < 64; place++) {
      expect(await expectAlike(signature.with(place, (signature[place] ?? 0) ^ 1), message, publicKey)).toBe(false);
    }
    for (let place = 0; place < 32; place++) {
      expect(await expectAlike(signature, message, publicKey.with(place, (publicKey[place] ?? 0) ^ 0x80))).toBe(false);
    }
    for (const other of [utf8("an entrY"), utf8("an entry "), new Uint8Array()]) {
      expect(await expectAlike(signature, other, publicKey)).toBe(false);
    }
  });

  test("for S + L, S = L, and the largest S there is", async () => {
    const [r, s] = [signature.subarray(0, 32), big(signature.subarray(32))];
    for (const other of [s + groupOrder, groupOrder, 2n ** 255n - 1n, 2n ** 256n - 1n]) {
      expect(await expectAlike(join(r, little(other)), message, publicKey)).toBe(false);
    }
    expect(await expectAlike(join(r, little(0n)), message, publicKey)).toBe(false);
    expect(await expectAlike(join(r, little(groupOrder - 1n)), message, publicKey)).toBe(false);
  });

  test("for all encodings of A and R that are of small order or not canonical", async () => {
    const small = [...smallOrderY, p, p + 1n].flatMap((y) => [little(y), little(y + 2n ** 255n)]);
    const uncanonical = Array.from({ length: 19 }, (_, i) => p + BigInt(i)).flatMap((y) => [little(y), little(y + 2n ** 255n)]);
    for (const a of small) for (const r of small) expect(await expectAlike(join(r, little(0n)), message, a)).toBe(false);
    for (const point of uncanonical) {
      expect(await expectAlike(signature, message, point)).toBe(false);
      expect(await expectAlike(join(point, signature.subarray(32)), message, publicKey)).toBe(false);
    }
  });

  test("for R of small order under an honest key: S·B = R + k·A holds for the identity, and for the seven others only times 8", async () => {
    const a = 77n;
    const key = encoded(times(a, basePoint));
    for (const [order, point] of torsion.entries()) {
      const r = encoded(point);
      const s = little((challenge(r, key, message) * a) % groupOrder);
      expect(await expectAlike(join(r, s), message, key)).toBe(order === 0);
    }
  });

  test("for keys with a part of small order, under which a signature holds for one message in eight, and times 8 for every one", async () => {
    const [a, nonce] = [99n, 12345n];
    const r = encoded(times(nonce, basePoint));
    let [accepted, refused] = [0, 0];
    for (const part of torsion.slice(1)) {
      const key = encoded(add(times(a, basePoint), part));
      for (let number = 0; number < 12; number++) {
        const said = utf8(`message ${number}`);
        const k = challenge(r, key, said) % groupOrder;
        const holds = await expectAlike(join(r, little((nonce + k * a) % groupOrder)), said, key);
        const cancels = times(k % 8n, part)[1] === 1n;
        expect(holds).toBe(cancels);
        if (holds) accepted += 1;
        else refused += 1;
      }
    }
    expect(Math.min(accepted, refused)).toBeGreaterThan(0);
  });

  test("for keys that are no point, and for what is of no length at all", async () => {
    for (let y = 2n; y < 40n; y++) expect(await expectAlike(signature, message, little(y))).toBe(false);
    for (const length of [0, 31, 33]) expect(await expectAlike(signature, message, new Uint8Array(length))).toBe(false);
    for (const length of [0, 63, 65, 96]) expect(await expectAlike(new Uint8Array(length), message, publicKey)).toBe(false);
  });

  test("for random messages, random keys and random changes of some bits", async () => {
    const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
    const flips = fc.array(fc.nat(64 * 8 - 1), { maxLength: 2 });
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), octets(32), flips, flips, async (said, seed, inSignature, inKey) => {
        const flipped = (bytes: Uint8Array, places: readonly number[]) => {
          const other = Uint8Array.from(bytes);
          for (const place of places)
            other[(place >> 3) % bytes.length] = (other[(place >> 3) % bytes.length] ?? 0) ^ (1 << (place & 7));
          return other;
        };
        const valid = portable.sign(said, seed);
        await expectAlike(flipped(valid, inSignature), said, flipped(portable.signingPublicKey(seed), inKey));
      }),
      { numRuns: 60 },
    );
  });
});

describe("where the browser has none that can be relied on", () => {
  const refusing: SubtleEd25519<webcrypto.CryptoKey> = {
    importKey: () => Promise.reject(new DOMException("no such algorithm", "NotSupportedError")),
    verify: () => Promise.resolve(true),
  };
  test("there is no answer: without WebCrypto, without Ed25519, and with one that accepts or refuses everything", async () => {
    expect(await webVerify(undefined, unasked)).toBeUndefined();
    expect(await webVerify(refusing, unasked)).toBeUndefined();
    for (const answer of [true, false]) {
      const lax: typeof refusing = {
        importKey: (...asked) => subtle.importKey(...asked),
        verify: () => Promise.resolve(answer),
      };
      expect(await webVerify(lax, unasked)).toBeUndefined();
    }
  });

  test("what it throws at is asked of the slow way, whose answer counts", async () => {
    const throwing: typeof refusing = {
      importKey: (...asked) => subtle.importKey(...asked),
      verify: (algorithm, key, ...asked) =>
        asked[1].length > 1 ? Promise.reject(new Error("not today")) : subtle.verify(algorithm, key, ...asked),
    };
    const verify = (await webVerify(throwing, slowly)) ?? unasked;
    expect(await verify(signature, message, publicKey)).toBe(true);
    expect(await verify(signature.with(40, 1), message, publicKey)).toBe(false);
    expect(await verify(signature, message, fromHex("00".repeat(32)))).toBe(false);
  });
});
