/** Room 5. The words both sides speak. */
export type { Crypto, Keystream } from "./crypto/crypto.ts";
export {
  type AgreementKey,
  agreementKey,
  type Decimal,
  decimal,
  hexBytes,
  type IdentityKey,
  identityKey,
  type NodeId,
  nodeId,
  type Sha256,
  type Signature,
  sha256Hex,
  signatureHex,
} from "./identifiers.ts";
export {
  type BodyOf,
  type Message,
  type MessageOf,
  messageSchema,
  protocolVersion,
  type StepName,
} from "./messages/schemas.ts";
export {
  deadlinesSchema,
  modelSchema,
  optimiserSchema,
  type Plan,
  planSchema,
  type Release,
  releaseSchema,
} from "./plan/schema.ts";
export { type Roster, type RosterMember, rosterMemberSchema, rosterSchema } from "./roster.ts";
