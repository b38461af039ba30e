/** One suite for both implementations, and the two against each other. Vectors carry their source. */
import { createCipheriv } from "node:crypto";
import { isTributaryError } from "@tributary/errors";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromHex, toHex } from "../canonical/hex.ts";
import type { Crypto } from "./crypto.ts";
import { nodeCrypto } from "./node.ts";
import { portableCrypto } from "./portable.ts";

const implementations: readonly (readonly [string, Crypto])[] = [
  ["node", nodeCrypto()],
  ["portable", portableCrypto()],
];
const [[, node], [, portable]] = implementations as [(typeof implementations)[0], (typeof implementations)[0]];

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const utf8 = (text: string) => new TextEncoder().encode(text);
const fieldPrime = 2n ** 255n - 19n;
const groupOrder = 2n ** 252n + 27742317777372353535851937790883648493n;

function little(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
}
function big(encoding: Uint8Array): bigint {
  return encoding.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}
function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (isTributaryError(error)) return error.code;
    throw error;
  }
  return "nothing was refused";
}

/** RFC 8032 §7.1, tests 1–3: secret, public key, message, signature. */
const rfc8032 = [
  [
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "",
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
  ],
  [
    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "72",
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
  ],
  [
    "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    "af82",
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
  ],
] as const;

/** RFC 7748 §5.2: scalar, u, result; the second u has its top bit set. */
const rfc7748 = [
  [
    "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
    "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
    "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
  ],
  [
    "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
    "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
    "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
  ],
] as const;

/** RFC 5869 appendix A.1–A.3: secret, salt, info, output. */
const rfc5869 = [
  [
    "0b".repeat(22),
    "000102030405060708090a0b0c",
    "f0f1f2f3f4f5f6f7f8f9",
    "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
  ],
  [
    toHex(Uint8Array.from({ length: 80 }, (_, i) => i)),
    toHex(Uint8Array.from({ length: 80 }, (_, i) => 0x60 + i)),
    toHex(Uint8Array.from({ length: 80 }, (_, i) => 0xb0 + i)),
    "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
  ],
  ["0b".repeat(22), "", "", "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"],
] as const;

/** NIST CAVP AES known answers for an all-zero block (ECBKeySbox256 and ECBVarKey256, first of each): key, ciphertext. */
const nistZeroBlock = [
  ["c47b0294dbbbee0fec4757f22ffeee3587ca4730c3d33b691df38bab076bc558", "46f2fb342d6f0ab477476fc501242c5f"],
  [`80${"00".repeat(31)}`, "e35a6dcb19b201a01ebcfa8aa22b5759"],
] as const;

/** NaCl's tests/secretbox.c and secretbox2.c (D. J. Bernstein). */
const secretbox = {
  key: "1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389",
  nonce: "69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37",
  message:
    "be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c61296cdc3c01233561f41db66cce314adb310e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f937763848645e0705",
  box: "f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332ea7164d96a4476fb8c531a1186ac0dfc17c98dce87b4da7f011ec48c97271d2c20f9b928fe2270d6fb863d51738b48eeee314a7cc8ab932164548e526ae90224368517acfeabd6bb3732bc0e9da99832b61ca01b6de56244a9e88d5f9b37973f622a43d14a6599b1f654cb45a74e355a5",
};

describe.each(implementations)("%s crypto", (_, crypto) => {
  test("hashes as FIPS 180-4 says", () => {
    expect(toHex(crypto.sha256(utf8("abc")))).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect(toHex(crypto.sha256(new Uint8Array()))).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  });

  test.each(rfc5869)("derives keys as RFC 5869 says: %#", (secret, salt, info, output) => {
    expect(toHex(crypto.hkdf(fromHex(secret), fromHex(salt), fromHex(info), output.length / 2))).toBe(output);
  });

  test.each(rfc8032)("signs and verifies as RFC 8032 says: %#", (secret, publicKey, message, signature) => {
    expect(toHex(crypto.signingPublicKey(fromHex(secret)))).toBe(publicKey);
    expect(toHex(crypto.sign(fromHex(message), fromHex(secret)))).toBe(signature);
    expect(crypto.verify(fromHex(signature), fromHex(message), fromHex(publicKey))).toBe(true);
    expect(crypto.verify(fromHex(signature), fromHex(`${message}00`), fromHex(publicKey))).toBe(false);
  });

  test.each(rfc7748)("agrees as RFC 7748 says: %#", (scalar, u, result) => {
    expect(toHex(crypto.agree(fromHex(scalar), fromHex(u)))).toBe(result);
  });

  test("agrees with a public key of its own as RFC 7748 §6.1 says", () => {
    const alice = fromHex("77076d0a7318a57d3c16c17251b26645df4f3391cc9c3a1b1f8ea7dc4a1c2c3f");
    const bob = fromHex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
    expect(toHex(crypto.agreementPublicKey(bob))).toBe("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
    expect(crypto.agree(alice, crypto.agreementPublicKey(bob))).toEqual(crypto.agree(bob, crypto.agreementPublicKey(alice)));
  });

  test.each(nistZeroBlock)("begins its keystream with the encrypted zero block: %s", (key, block) => {
    const words = new Uint32Array(4);
    crypto.keystream(fromHex(key)).words(0, words);
    expect(toHex(new Uint8Array(words.buffer))).toBe(block);
  });

  test("counts blocks in 128 bits, big-endian, beyond 2³² of them", () => {
    const key = Uint8Array.from({ length: 32 }, (_, i) => 3 * i);
    for (const block of [1, 255, 256, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 5]) {
      const counter = Buffer.alloc(16);
      counter.writeBigUInt64BE(BigInt(block), 8);
      const expected = createCipheriv("aes-256-ecb", key, null).setAutoPadding(false).update(counter);
      const words = new Uint32Array(4);
      crypto.keystream(key).words(4 * block, words);
      expect(toHex(new Uint8Array(words.buffer))).toBe(expected.toString("hex"));
    }
  });

  test("gives the same words however a keystream is sliced", () => {
    const whole = new Uint32Array(60_000);
    crypto.keystream(new Uint8Array(32).fill(5)).words(0, whole);
    fc.assert(
      fc.property(fc.nat(40_000), fc.array(fc.integer({ min: 0, max: 9000 }), { maxLength: 3 }), (start, lengths) => {
        const stream = crypto.keystream(new Uint8Array(32).fill(5));
        let offset = start;
        for (const length of lengths) {
          const slice = new Uint32Array(Math.min(length, whole.length - offset));
          stream.words(offset, slice);
          expect(slice).toEqual(whole.slice(offset, offset + slice.length));
          offset += slice.length;
        }
      }),
      { numRuns: 25 },
    );
  });

  test("does not change its keystream when the key's bytes are erased", () => {
    const key = new Uint8Array(32).fill(7);
    const stream = crypto.keystream(key);
    const [before, after] = [new Uint32Array(8), new Uint32Array(8)];
    stream.words(100, before);
    key.fill(0);
    stream.words(100, after);
    expect(after).toEqual(before);
  });

  test("gives no more words once its key is overwritten, not those of a key of zeros", () => {
    const stream = crypto.keystream(new Uint8Array(32).fill(7));
    const words = new Uint32Array(8);
    stream.words(0, words);
    stream.wipe();
    expect(codeOf(() => stream.words(8, words))).toBe("TRB_CRYPTO_KEY_WIPED");
    const again = new Uint32Array(8);
    crypto.keystream(new Uint8Array(32).fill(7)).words(0, again); // another stream has a copy of its own
    expect(again).toEqual(words);
  });

  test("leaves secrets that it is handed as they are, and hands out results that are the caller's own", () => {
    const secret = Uint8Array.from({ length: 32 }, (_, i) => i + 1);
    const kept = secret.slice();
    const peer = crypto.agreementPublicKey(new Uint8Array(32).fill(9));
    const [first, second] = [crypto.agree(secret, peer), crypto.agree(secret, peer)];
    first.fill(0);
    expect(crypto.agree(secret, peer)).toEqual(second);
    const derived = crypto.hkdf(secret, utf8("salt"), utf8("info"), 80);
    const twin = derived.slice();
    derived.fill(0);
    expect(crypto.hkdf(secret, utf8("salt"), utf8("info"), 80)).toEqual(twin);
    crypto.sign(utf8("message"), secret);
    crypto.signingPublicKey(secret);
    crypto.keystream(secret).wipe();
    expect(secret).toEqual(kept);
  });

  test("seals and opens as NaCl does, and opens nothing that was altered", () => {
    const [key, nonce, message] = [fromHex(secretbox.key), fromHex(secretbox.nonce), fromHex(secretbox.message)];
    const box = crypto.seal(message, nonce, key);
    expect(toHex(box)).toBe(secretbox.box);
    expect(crypto.open(box, nonce, key)).toEqual(message);
    for (const place of [0, 15, 16, box.length - 1]) {
      expect(crypto.open(box.with(place, (box[place] ?? 0) ^ 1), nonce, key)).toBeUndefined();
    }
    expect(crypto.open(box.subarray(0, 10), nonce, key)).toBeUndefined();
    expect(crypto.open(box, nonce, key.with(0, 0))).toBeUndefined();
  });

  test("refuses a signature with S + L, which fits the equation as well as S", () => {
    const [secret, publicKey, message, signature] = rfc8032[1].map(fromHex) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
    expect(secret.length).toBe(32);
    const forged = Uint8Array.from([...signature.subarray(0, 32), ...little(big(signature.subarray(32)) + groupOrder)]);
    expect(crypto.verify(forged, message, publicKey)).toBe(false);
  });

  test("refuses public keys of small order, under which one signature fits every message", () => {
    const identity = little(1n);
    const forged = Uint8Array.from([...identity, ...little(0n)]); // S·B = R + k·A holds for A = R = identity
    expect(crypto.verify(forged, utf8("anything"), identity)).toBe(false);
    for (const y of smallOrderEncodings) {
      for (const r of smallOrderEncodings) {
        expect(crypto.verify(Uint8Array.from([...r, ...little(0n)]), utf8("anything"), y)).toBe(false);
      }
    }
  });

  test("refuses encodings of A and R that are not canonical", () => {
    const [, publicKey, message, signature] = rfc8032[1].map(fromHex) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
    for (let offset = 0n; offset < 19n; offset++) {
      for (const sign of [0n, 2n ** 255n]) {
        const encoding = little(fieldPrime + offset + sign);
        expect(crypto.verify(signature, message, encoding)).toBe(false);
        expect(crypto.verify(Uint8Array.from([...encoding, ...signature.subarray(32)]), message, publicKey)).toBe(false);
      }
    }
  });

  test("says false, and throws nothing, for whatever is no signature", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), bytes(8), fc.uint8Array({ maxLength: 40 }), (signature, message, key) => {
        expect(crypto.verify(signature, message, key)).toBe(false);
      }),
    );
    // the right lengths, but a key that is no point of the curve (y = 2 has no x)
    const [, , message, signature] = rfc8032[1].map(fromHex) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
    expect(crypto.verify(signature, message, little(2n))).toBe(false);
  });

  test("refuses X25519 keys of small order in all their encodings", () => {
    for (const u of smallOrderAgreementKeys) {
      expect(codeOf(() => crypto.agree(new Uint8Array(32).fill(9), u))).toBe("TRB_CRYPTO_WEAK_KEY");
    }
  });

  test("refuses wrong lengths and offsets", () => {
    const [short, right] = [new Uint8Array(31), new Uint8Array(32).fill(1)];
    for (const action of [
      () => crypto.sign(right, short),
      () => crypto.signingPublicKey(short),
      () => crypto.agreementPublicKey(short),
      () => crypto.agree(short, right),
      () => crypto.agree(right, short),
      () => crypto.seal(right, short, right),
      () => crypto.open(right, new Uint8Array(24), short),
      () => crypto.keystream(short),
      () => crypto.hkdf(right, right, right, 0),
      () => crypto.hkdf(right, right, right, 8161),
      () => crypto.hkdf(right, right, new Uint8Array(1025), 32),
    ]) {
      expect(codeOf(action)).toBe("TRB_CRYPTO_WRONG_LENGTH");
    }
    for (const offset of [-1, 0.5, Number.NaN, 2 ** 53]) {
      expect(codeOf(() => crypto.keystream(right).words(offset, new Uint32Array(1)))).toBe("TRB_CRYPTO_BAD_OFFSET");
    }
  });
});

describe("both implementations", () => {
  test("hash, derive, sign and stream alike", () => {
    fc.assert(
      fc.property(fc.uint8Array(), bytes(32), fc.nat(100_000), (data, key, offset) => {
        expect(portable.sha256(data)).toEqual(node.sha256(data));
        expect(portable.hkdf(data, key, data, 77)).toEqual(node.hkdf(data, key, data, 77));
        const [a, b] = [new Uint32Array(33), new Uint32Array(33)];
        node.keystream(key).words(offset, a);
        portable.keystream(key).words(offset, b);
        expect(b).toEqual(a);
      }),
    );
  });

  test("accept each other's signatures and refuse the same alterations", () => {
    fc.assert(
      fc.property(
        fc.uint8Array(),
        bytes(32),
        fc.nat(63),
        fc.integer({ min: 1, max: 255 }),
        (message, secret, place, change) => {
          const signature = node.sign(message, secret);
          const publicKey = portable.signingPublicKey(secret);
          expect(portable.sign(message, secret)).toEqual(signature);
          expect(node.signingPublicKey(secret)).toEqual(publicKey);
          const altered = signature.with(place, (signature[place] ?? 0) ^ change);
          for (const crypto of [node, portable]) {
            expect(crypto.verify(signature, message, publicKey)).toBe(true);
            expect(crypto.verify(altered, message, publicKey)).toBe(false);
          }
        },
      ),
      { numRuns: 15 },
    );
  });

  test("agree on the same secrets, or refuse the same keys", () => {
    fc.assert(
      fc.property(bytes(32), bytes(32), (secret, u) => {
        expect(portable.agreementPublicKey(secret)).toEqual(node.agreementPublicKey(secret));
        expect(portable.agree(secret, u)).toEqual(node.agree(secret, u));
      }),
      { numRuns: 40 },
    );
  });
});

/** Every encoding of the eight torsion points, canonical or not: y and y + p where it fits, with either sign bit. */
const smallOrderEncodings: readonly Uint8Array[] = [
  0n,
  1n,
  fieldPrime - 1n,
  fieldPrime,
  fieldPrime + 1n,
  2707385501144840649318225287225658788936804267575313519463743609750303402022n,
  55188659117513257062467267217118295137698188065244968500265048394206261417927n,
].flatMap((y) => [little(y), little(y + 2n ** 255n)]);

/** Every 32-byte string whose X25519 result is zero. Source: D. J. Bernstein, https://cr.yp.to/ecdh.html#validate. */
const smallOrderAgreementKeys: readonly Uint8Array[] = [
  0n,
  1n,
  325606250916557431795983626356110631294008115727848805560023387167927233504n,
  39382357235489614581723060781553021112529911719440698176882885853963445705823n,
  fieldPrime - 1n,
  fieldPrime,
  fieldPrime + 1n,
].flatMap((u) => [little(u), little(u + 2n ** 255n)]);
