/**
 * Certificates for tests, made here: X.509 v3 (RFC 5280) with Ed25519 keys (RFC 8410), in the few pieces of DER (X.690) that they need. An authority that
 * signs itself, and servers' certificates by it.
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

export interface Certified {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
}

const day = 86_400_000;

const length = (octets: number): Buffer => {
  if (octets < 128) return Buffer.from([octets]);
  return octets < 256 ? Buffer.from([0x81, octets]) : Buffer.from([0x82, octets >> 8, octets & 255]);
};
const tagged = (tag: number, ...parts: readonly Buffer[]): Buffer => {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag]), length(content.length), content]);
};
const sequence = (...parts: readonly Buffer[]) => tagged(0x30, ...parts);
const text = (tag: number, value: string) => tagged(tag, Buffer.from(value, "utf8"));
/** The identifier's octets, already encoded. */
const identifier = (hex: string) => tagged(0x06, Buffer.from(hex, "hex"));

const ed25519 = sequence(identifier("2b6570")); // 1.3.101.112
const commonName = identifier("550403"); // 2.5.4.3
const alternativeName = identifier("551d11"); // 2.5.29.17
const basicConstraints = identifier("551d13"); // 2.5.29.19

const named = (name: string) => sequence(tagged(0x31, sequence(commonName, text(0x0c, name))));
/** GeneralizedTime, which UTCTime's two digits of a year are no better than. */
const instant = (at: number) => text(0x18, `${new Date(at).toISOString().replace(/[-:T]|\.\d+/g, "")}`);
const extension = (name: Buffer, critical: boolean, value: Buffer) =>
  sequence(name, ...(critical ? [tagged(0x01, Buffer.from([0xff]))] : []), tagged(0x04, value));

function certify(
  subject: { readonly name: string; readonly key: KeyObject },
  issuer: { readonly name: string; readonly key: KeyObject },
  extensions: readonly Buffer[],
  until: number,
): string {
  const serial = randomBytes(8);
  serial[0] = (serial[0] ?? 0) & 0x7f; // positive
  const body = sequence(
    tagged(0xa0, tagged(0x02, Buffer.from([2]))),
    tagged(0x02, Buffer.from([1]), serial),
    ed25519,
    named(issuer.name),
    sequence(instant(Math.min(Date.now(), until) - day), instant(until)),
    named(subject.name),
    subject.key.export({ type: "spki", format: "der" }),
    tagged(0xa3, sequence(...extensions)),
  );
  const signature = tagged(0x03, Buffer.from([0]), sign(null, body, issuer.key));
  const base64 = sequence(body, ed25519, signature)
    .toString("base64")
    .replace(/(.{64})(?=.)/g, "$1\n");
  return `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`;
}

const pem = (key: KeyObject) => key.export({ type: "pkcs8", format: "pem" }).toString();

/** An authority of this name, which signs itself. */
export function testAuthority(name = "test authority"): Certified {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const authority = extension(basicConstraints, true, sequence(tagged(0x01, Buffer.from([0xff]))));
  const cert = certify({ name, key: publicKey }, { name, key: privateKey }, [authority], Date.now() + 2 * day);
  return { cert, key: pem(privateKey) };
}

/** A server's on this machine: for `localhost` and 127.0.0.1. @param days how long it is good; negative: how long it hasn't been */
export function testCertificate(authority: Certified, { authorityName = "test authority", days = 1 } = {}): Certified {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const here = sequence(text(0x82, "localhost"), tagged(0x87, Buffer.from([127, 0, 0, 1])));
  const issuer = { name: authorityName, key: createPrivateKey(authority.key) };
  const extensions = [extension(alternativeName, false, here)];
  const cert = certify({ name: "localhost", key: publicKey }, issuer, extensions, Date.now() + days * day);
  return { cert, key: pem(privateKey) };
}
