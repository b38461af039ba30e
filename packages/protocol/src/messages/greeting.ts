/**
 * How a connection begins: the coordinator challenges, the node answers under its identity key, both learn which version they speak.
 * These few fields never change within a major.
 *
 *   coordinator ── challenge { nonce, version } ──▶ node
 *   node ── hello { node, version, signature } ──▶ coordinator ── { ok: true, version } ──▶ node
 */
import { z } from "zod";
import { type NodeId, nodeId, signatureHex } from "../identifiers.ts";
import { versionText } from "./versions.ts";

export const nonceHex = z.string().regex(/^[0-9a-f]{64}$/, "expected 32 bytes in lower-case hex");

/** coordinator → node. `version` is the newest that the coordinator speaks. */
export const challengeSchema = z.strictObject({ nonce: nonceHex, version: versionText });
/** node → coordinator. `version` is the newest that the node speaks; the signature covers it, so that nobody between can lower it. */
export const helloSchema = z.strictObject({ node: nodeId, version: versionText, signature: signatureHex });
/** coordinator → node: the newest version that both speak. */
export const welcomeSchema = z.strictObject({ ok: z.literal(true), version: versionText });

/** What a node signs to prove, on one connection, that it holds its key. */
export function helloStatement(federation: string, nonce: string, node: NodeId, version: string) {
  return { purpose: "hello", federation, nonce, node, version } as const;
}
