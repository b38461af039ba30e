/** Room 7. Releases to signed, hash-chained evidence. */
export { type Judgement, judgementOf, type KeptModel, keptAfter } from "./acceptance.ts";
export {
  type EntryContent,
  emptyHead,
  headAfter,
  lineHash,
  placeAfter,
  type SignedEntry,
  signEntry,
  type UnsignedEntry,
  type Writer,
  type WrittenEntry,
  writeAfter,
} from "./building.ts";
export {
  type CertificateRequest,
  type Certifier,
  certificateBytes,
  certifyModel,
  type DataPeriod,
  type ModelCertificate,
  publishedHash,
} from "./certificate/certificate.ts";
export {
  type CertificateFinding,
  type CertificateOptions,
  type CertificateVerdict,
  readCertificate,
  verifyCertificate,
} from "./certificate/verify.ts";
export {
  type Course,
  courseAfterPromotion,
  courseAfterRollback,
  courseAfterRound,
  courseOf,
  isStopped,
  keptAfterRollback,
  promotionDue,
  rollbackFault,
  stopOf,
  unknownCourse,
} from "./course.ts";
export {
  type Entry,
  type EntryKind,
  type EntryOf,
  entrySchema,
  type LedgerHead,
  type LedgerPlace,
  type Mechanism,
  type Spent,
} from "./entries.ts";
export { featuresOf, type ReleasedFeatures } from "./features.ts";
export { mechanismOf } from "./mechanism.ts";
export { type Estimate, metricsOf, type ReleasedMetrics, ratio, sumDeviation } from "./metrics.ts";
export { type AccessAction, pausedAfter } from "./operator-actions.ts";
export { parseLine } from "./parsing.ts";
export {
  type ChangingRoster,
  defaultRosterNotice,
  earliestChange,
  keysByNode,
  type RosterChange,
  type RosterChanges,
  rosterAt,
  rosterChangesIn,
  withRosterEntry,
} from "./roster-changes.ts";
export { spentAfter } from "./spending.ts";
export { type FactsReader, type LedgerFacts, ledgerFacts, type ReleaseCount, readFacts } from "./statement/facts.ts";
export {
  type Assumption,
  type CustomerBound,
  type LedgerStatement,
  type Member,
  type MerchantBound,
  type StatedRelease,
  stateLedger,
  unverifiable,
} from "./statement/statement.ts";
export { type TotalStatement, totalOf } from "./statement/total.ts";
export {
  type LedgerSection,
  ledgerSections,
  type SectionWords,
  type StatementWords,
  statementWords,
  totalWords,
} from "./statement/words.ts";
export {
  type LedgerRow,
  type ReleasedQuery,
  readEntries,
  summarizeLedger,
  summarizeLedgerStream,
  writtenIn,
} from "./summary.ts";
export { checkEntryProof, type EntryProof, type EntryProofVerdict, proveEntry } from "./tree/entry-proof.ts";
export { rootOf, withLeaf } from "./tree/hashing.ts";
export {
  type ConsistencyProof,
  consistencyProof,
  type InclusionProof,
  includes,
  inclusionProof,
  isExtension,
} from "./tree/proofs.ts";
export { claimFailures, type VerifiedLine, verifyLine } from "./verification/entry.ts";
export { foreseeing, type LaterSignatures, signaturesLater } from "./verification/later-signatures.ts";
export type { Signatories } from "./verification/signatures.ts";
export { type Failure, initialVerification, type VerificationState } from "./verification/state.ts";
export { type LedgerVerdict, type SignatureChecks, type VerifyOptions, verifyLedger, verifyLedgerStream } from "./verify.ts";
