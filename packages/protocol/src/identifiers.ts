/** The small values that must not be mixed up, as branded types with the schemas that admit them. */
import { z } from "zod";

const hex = (bytes: number) =>
  z.string().regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`), `expected ${bytes} bytes in lower-case hex`);

/** A node's public name in its federation: what the invite gave it. */
export const nodeId = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "expected up to 63 of a–z, 0–9 and -")
  .refine((name) => name !== "coordinator", "the name is the coordinator's")
  .brand<"NodeId">();
export type NodeId = z.infer<typeof nodeId>;

export const sha256Hex = hex(32).brand<"Sha256">();
export type Sha256 = z.infer<typeof sha256Hex>;

/** A federation's public name. */
export const federationName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "expected up to 63 of a–z, 0–9 and -");

/** An Ed25519 public key: who somebody is. Its fingerprint is the SHA-256 of its 32 bytes. */
export const identityKey = hex(32).brand<"IdentityKey">();
export type IdentityKey = z.infer<typeof identityKey>;

/** An X25519 public key, fresh every round. */
export const agreementKey = hex(32).brand<"AgreementKey">();
export type AgreementKey = z.infer<typeof agreementKey>;

export const signatureHex = hex(64).brand<"Signature">();
export type Signature = z.infer<typeof signatureHex>;

/** Any hex byte string. */
export const hexBytes = z
  .string()
  .max(4096)
  .regex(/^([0-9a-f]{2})*$/, "expected lower-case hex");

/** A real number in a signed document: a decimal string, so that its bytes are the same everywhere. */
export const decimal = z
  .string()
  .max(40)
  .regex(/^-?(0|[1-9][0-9]*)(\.[0-9]+)?(e-?[0-9]+)?$/, "expected a decimal number in a string")
  .refine((text) => Math.abs(Number(text)) <= 1e300, "expected a number below 1e300")
  .refine((text) => Math.abs(Number(text.split("e", 2)[1] ?? 0)) <= 330, "expected an exponent within ±330")
  .brand<"Decimal">();
export type Decimal = z.infer<typeof decimal>;
