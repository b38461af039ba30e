/**
 * An invite: what the platform hands a merchant out of band, one string without spaces. It is base64url (RFC 4648 §5, no
 * padding) of the canonical JSON. The token in it is a secret, sent only to who proves the fingerprinted key.
 */
import { fail } from "@tributary/errors";
import { z } from "zod";
import { canonicalBytes } from "./canonical/canonical.ts";
import { federationName, nodeId, sha256Hex } from "./identifiers.ts";

export const inviteSchema = z.strictObject({
  federation: federationName,
  /** Where the coordinator listens. */
  url: z.url({ protocol: /^https?$/ }).max(2000),
  /** 128 bits, hex. */
  token: z.string().regex(/^[0-9a-f]{32}$/),
  /** SHA-256 of the coordinator's identity key. */
  fingerprint: sha256Hex,
  /** The public name that the node will have. */
  node: nodeId,
});
export type Invite = z.infer<typeof inviteSchema>;

export function encodeInvite(invite: Invite): string {
  let binary = "";
  for (const byte of canonicalBytes(invite)) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/**
 * Only exactly what `encodeInvite` writes; surrounding white space, which copying adds, is dropped.
 * @throws TRB_INVITE_INVALID, never with the text, which holds the token
 */
export function decodeInvite(text: string): Invite {
  const trimmed = text.trim();
  if (!/^[A-Za-z0-9_-]{1,8000}$/.test(trimmed) || trimmed.length % 4 === 1) throw fail("TRB_INVITE_INVALID");
  const binary = atob(trimmed.replaceAll("-", "+").replaceAll("_", "/"));
  const parsed = inviteSchema.safeParse(parseJson(new TextDecoder().decode(Uint8Array.from(binary, (c) => c.charCodeAt(0)))));
  if (!parsed.success || encodeInvite(parsed.data) !== trimmed) throw fail("TRB_INVITE_INVALID");
  return parsed.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (_) {
    throw fail("TRB_INVITE_INVALID"); // without a cause: the parser's message would quote the text
  }
}
