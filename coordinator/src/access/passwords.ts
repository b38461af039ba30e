/**
 * Passwords of operators, kept as scrypt's output (RFC 7914) under a salt of their own:
 *
 *   $scrypt$ln=16,r=8,p=2$<salt, base64>$<key, base64>          N = 2^ln; memory 128·N·r bytes = 64 MiB, p passes
 *
 * These are OWASP's parameters of 64 MiB (Password Storage Cheat Sheet). A hash of smaller ones is replaced when its password is next seen.
 */
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { fail } from "@tributary/errors";

/** What one derivation costs. */
export interface ScryptCost {
  /** log₂ N. */
  readonly ln: number;
  readonly r: number;
  readonly p: number;
}

export const scryptCost: ScryptCost = { ln: 16, r: 8, p: 2 };

/** In characters (Unicode code points, after NFKC). */
const length = { least: 12, most: 256 };
const saltBytes = 16;
const keyBytes = 32;

/** @throws TRB_ACCESS_PASSWORD_WEAK */
export function requirePassword(password: string): void {
  const characters = [...password.normalize("NFKC")].length;
  if (characters < length.least || characters > length.most) throw fail("TRB_ACCESS_PASSWORD_WEAK", length);
}

/** 120 random bits as six groups of four characters, for somebody to note down once. */
export const randomPassword = (): string => {
  const alphabet = "abcdefghijkmnpqrstuvwxyz23456789"; // 32, without those that look alike
  const characters = [...randomBytes(24)].map((byte) => alphabet[byte % alphabet.length]).join("");
  return characters.replace(/(.{4})(?=.)/g, "$1-");
};

/** @throws TRB_ACCESS_PASSWORD_WEAK */
export async function hashPassword(password: string, cost: ScryptCost = scryptCost): Promise<string> {
  requirePassword(password);
  const salt = randomBytes(saltBytes);
  return encode(cost, salt, await derive(password, salt, cost));
}

/**
 * Takes the same time for every password: the key is derived whatever it is, and compared as a whole.
 * @returns `outgrown`: it is right, and its hash costs less than one does today
 * @throws TRB_COORDINATOR_BUSY when too many wait
 */
export async function checkPassword(
  password: string,
  stored: string,
  cost: ScryptCost = scryptCost,
): Promise<"wrong" | "right" | "outgrown"> {
  const kept = decode(stored);
  const key = await derive(password, kept.salt, kept.cost);
  if (!timingSafeEqual(key, kept.key)) return "wrong";
  return kept.cost.ln < cost.ln || kept.cost.r < cost.r || kept.cost.p < cost.p ? "outgrown" : "right";
}

/** A hash that no password has: who names no operator waits as long as who does. */
export const nobodysHash = (cost: ScryptCost = scryptCost): string =>
  encode(cost, randomBytes(saltBytes), randomBytes(keyBytes));

const form = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/=]{24})\$([A-Za-z0-9+/=]{44})$/;

function encode({ ln, r, p }: ScryptCost, salt: Buffer, key: Buffer): string {
  return `$scrypt$ln=${ln},r=${r},p=${p}$${salt.toString("base64")}$${key.toString("base64")}`;
}

function decode(stored: string): { readonly cost: ScryptCost; readonly salt: Buffer; readonly key: Buffer } {
  const [, ln, r, p, salt = "", key = ""] = form.exec(stored) ?? [];
  if (ln === undefined) throw fail("TRB_COORDINATOR_STORE_DAMAGED", { reason: "a password's hash is none" });
  const cost = { ln: Number(ln), r: Number(r), p: Number(p) };
  return { cost, salt: Buffer.from(salt, "base64"), key: Buffer.from(key, "base64") };
}

/** Derivations at a time in this process, so that logins take at most so many times 64 MiB and leave threads to the rest. */
const atATime = 2;
const mostWaiting = 30;
let underWay = 0;
const waiting: (() => void)[] = [];

async function derive(password: string, salt: Buffer, { ln, r, p }: ScryptCost): Promise<Buffer> {
  if (underWay >= atATime) {
    if (waiting.length >= mostWaiting) throw fail("TRB_COORDINATOR_BUSY", { most: mostWaiting, what: "logins" });
    await new Promise<void>((resolve) => waiting.push(resolve)); // whoever ends hands its place on
  } else underWay += 1;
  try {
    const N = 2 ** ln;
    return await new Promise((resolve, reject) => {
      const done = (error: Error | null, key: Buffer) => (error ? reject(error) : resolve(key));
      scrypt(password.normalize("NFKC"), salt, keyBytes, { N, r, p, maxmem: 256 * N * r }, done);
    });
  } finally {
    const next = waiting.shift();
    if (next) next();
    else underWay -= 1;
  }
}
