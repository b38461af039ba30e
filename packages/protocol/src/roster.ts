/** The nodes admitted to a federation, with the keys by which every other node knows them. */
import { z } from "zod";
import { identityKey, nodeId, signatureHex } from "./identifiers.ts";

export const rosterMemberSchema = z.strictObject({
  node: nodeId,
  key: identityKey,
  kind: z.enum(["merchant", "device"]),
  /** By the member itself, over the canonical bytes of `{ federation, node, key, kind }`: it wants to be in. */
  signature: signatureHex,
});
export type RosterMember = z.infer<typeof rosterMemberSchema>;

/** Ascending by node. Its fingerprint is the SHA-256 of its canonical bytes. */
export const rosterSchema = z.array(rosterMemberSchema);
export type Roster = z.infer<typeof rosterSchema>;
