/** Room 5. The words both sides speak. */
export { canonicalBytes, hashOf } from "./canonical/canonical.ts";
export { decimalToRational, formatDecimal, parseDecimal } from "./canonical/decimals.ts";
export { fromHex, secretFromHex, toHex } from "./canonical/hex.ts";
export { vectorOctets, vectorOf } from "./canonical/vectors.ts";
export {
  type ApiRouteName,
  apiRoutes,
  type ClientOptions,
  type CoordinatorApi,
  coordinatorClient,
} from "./coordinator-api/client.ts";
export { documentRoutes } from "./coordinator-api/documents.ts";
export { type AuditLine, inviteId, operatorRoutes, tokenDays, tokenId } from "./coordinator-api/operators.ts";
export { type Problem, problemMedia, problemOf, problemSchema, refusalIn } from "./coordinator-api/problem.ts";
export {
  type AnswerOfRoute,
  type ApiRoute,
  type OperatorRole,
  operatorName,
  operatorRole,
  operatorRoles,
  type Received,
  type Told,
} from "./coordinator-api/route.ts";
export type { Crypto, Keystream } from "./crypto/crypto.ts";
export { portableCrypto } from "./crypto/portable.ts";
export { secretBytes } from "./crypto/secret-bytes.ts";
export {
  type AgreementKey,
  agreementKey,
  type Decimal,
  decimal,
  federationName,
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
export { decodeInvite, encodeInvite, type Invite, inviteSchema } from "./invite.ts";
export { survivorChoice } from "./messages/choice.ts";
export { type ErasureNote, erasureNoteSchema, signErasure, verifyErasure } from "./messages/erasure.ts";
export { challengeSchema, helloSchema, helloStatement, nonceHex, welcomeSchema } from "./messages/greeting.ts";
export {
  type HeadStatement,
  headRequestSchema,
  headStatementSchema,
  headsAnswerSchema,
  headsRequestSchema,
  signHead,
  signTakenIn,
  verifyHead,
  verifyTakenIn,
} from "./messages/head.ts";
export { maxMessageBytes, maxNodeMessageBytes, parseMessage } from "./messages/parse.ts";
export {
  type BodyOf,
  type Message,
  type MessageOf,
  messageSchema,
  type StepName,
} from "./messages/schemas.ts";
export {
  type Signer,
  signDocument,
  signMessage,
  signStatement,
  type Unsigned,
  verifyDocument,
  verifyMessage,
  verifyStatement,
} from "./messages/sign.ts";
export { agreedVersion, baseVersion, protocolVersion, requireSpoken, versionText } from "./messages/versions.ts";
export { nearestName } from "./nearest-name.ts";
export {
  type KeptValue,
  keptValue,
  type PageAdverts,
  type PageBudget,
  type PageCustomer,
  type PageCustomers,
  type PageExplanation,
  type PageExplorer,
  type PageItem,
  type PageLeaving,
  type PageOverview,
  type PagePolicy,
  type PagePreview,
  type PageQuality,
  type PageValue,
  pageAdverts,
  pageAdvertsBody,
  pageBudget,
  pageCustomer,
  pageCustomerBody,
  pageCustomers,
  pageCustomersBody,
  pageExplainBody,
  pageExplanation,
  pageExplorer,
  pageLeaving,
  pageOverview,
  pagePolicy,
  pagePolicyBody,
  pagePolicySaveBody,
  pagePreview,
  pageQuality,
  pageSessionBody,
  pageValue,
} from "./node-page/words.ts";
export { issueInWords, parseWith } from "./parsing.ts";
export type { AcceptanceMetric } from "./plan/acceptance.ts";
export {
  type CataloguePart,
  cataloguePartSchema,
  cataloguePartsSchema,
  declarePart,
  falselySignedParts,
  isSpentBefore,
  partsCost,
  provenanceOf,
} from "./plan/catalogue-parts.ts";
export { leastUploadOffset, trainingMilliseconds } from "./plan/cohort-rules.ts";
export { type PlanCost, planCost } from "./plan/cost.ts";
export { type BeliefBounds, beliefBounds, customerParagraph } from "./plan/customers.ts";
export { describePlan, explainPlan, guaranteeOf, type PlanDescription } from "./plan/explain.ts";
export { notVerifiable } from "./plan/explain-words.ts";
export { extensionName, extensionSchema, type PlanExtension } from "./plan/extensions.ts";
export { featureCoordinates, featureNames, type PlanFeatures } from "./plan/features.ts";
export { expectedDropouts, isGraphRound, largestFullGraph, type PlanGraph } from "./plan/graph.ts";
export { type PlanLanguage, planLanguages } from "./plan/language.ts";
export { lintPlan, planRemarks, requireSoundPlan } from "./plan/lint.ts";
export { type MetricCoordinate, metricCoordinates, type PlanMetrics } from "./plan/metrics.ts";
export { isWritten, mostWritten } from "./plan/metrics-rule.ts";
export { knownActions } from "./plan/model-rules.ts";
export { optimiserSchema } from "./plan/optimiser.ts";
export { wireFormOf } from "./plan/packing.ts";
export { parsePlan, planHash } from "./plan/parse.ts";
export type { FieldRule, Finding, LintOptions } from "./plan/rule.ts";
export { type GuardedField, guardedFields, planRules } from "./plan/rules.ts";
export { type RateSchedule, rateFactor } from "./plan/schedule.ts";
export {
  deadlinesSchema,
  modelSchema,
  type Plan,
  planAccountants,
  planSchema,
  type Release,
  releaseSchema,
} from "./plan/schema.ts";
export { type PlanSelection, selectionSchema } from "./plan/selection.ts";
export { releaseOf, sumQueryOf } from "./plan/sum-query.ts";
export { randomSourceFromSeed } from "./randomness/seeded-source.ts";
export {
  fingerprintOf,
  mostMembers,
  type Roster,
  type RosterMember,
  type RotatedMember,
  rosterFingerprint,
  rosterMemberSchema,
  rosterSchema,
  rotatedMemberSchema,
  signMember,
  signRotation,
  verifyMember,
  verifyRotation,
} from "./roster.ts";
