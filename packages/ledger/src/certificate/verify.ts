/** Checks a model certificate offline: by itself, against the model's hash, and against a ledger where there is one. */
import { type ErrorCode, type ErrorDetails, fail, isTributaryError } from "@tributary/errors";
import {
  type Crypto,
  canonicalBytes,
  fingerprintOf,
  parseDecimal,
  parseWith,
  planHash,
  type Sha256,
  verifyDocument,
} from "@tributary/protocol";
import { emptyHead, headAfter } from "../building.ts";
import type { Entry, EntryOf, LedgerHead } from "../entries.ts";
import { decodeLine, splitLines } from "../parsing.ts";
import { agrees, spentAfter, undercuts } from "../spending.ts";
import { rootOf } from "../tree/hashing.ts";
import { includes } from "../tree/proofs.ts";
import {
  certificateBytes,
  certificateSchema,
  type Evidence,
  type ModelCertificate,
  periodFault,
  releasesModel,
} from "./certificate.ts";
import { claimsOf } from "./claims.ts";

export interface CertificateOptions {
  readonly crypto: Crypto;
  /** Fingerprint of the coordinator's key, obtained elsewhere; without it nothing is ever verified. */
  readonly key?: string | undefined;
  /** SHA-256 of the model's file as rounds have it. */
  readonly modelHash: string;
  /** ledger.jsonl of the federation, where it is at hand: as it was then, or later. */
  readonly ledger?: Uint8Array | undefined;
}

export interface CertificateFinding {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: ErrorDetails;
}

export interface CertificateVerdict {
  /** Everything holds, and it was signed by the key that the reader knows. */
  readonly verified: boolean;
  readonly findings: readonly CertificateFinding[];
  /** Undefined where the file can't be read as one. */
  readonly certificate: ModelCertificate | undefined;
  /** Whether it was held to a ledger, too. */
  readonly withLedger: boolean;
}

type Report = (code: ErrorCode, details?: ErrorDetails) => void;

/** Never throws for any bytes: what is wrong with them is in the verdict. */
export function verifyCertificate(bytes: Uint8Array, options: CertificateOptions): CertificateVerdict {
  const findings: CertificateFinding[] = [];
  const report: Report = (code, details = {}) => {
    findings.push({ code, message: fail(code, details).message, details });
  };
  const certificate = attempt(() => readCertificate(bytes), report);
  if (certificate !== undefined) check(certificate, options, report);
  return {
    verified: certificate !== undefined && findings.length === 0,
    findings,
    certificate,
    withLedger: options.ledger !== undefined,
  };
}

/** @throws TRB_CERTIFICATE_INVALID, TRB_CERTIFICATE_NOT_CANONICAL */
export function readCertificate(bytes: Uint8Array): ModelCertificate {
  const certificate = parseWith(certificateSchema, jsonIn(bytes), "TRB_CERTIFICATE_INVALID");
  const canonical = certificateBytes(certificate);
  if (canonical.length !== bytes.length || canonical.some((byte, i) => byte !== bytes[i])) {
    throw fail("TRB_CERTIFICATE_NOT_CANONICAL");
  }
  return certificate;
}

function jsonIn(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (cause) {
    throw fail("TRB_CERTIFICATE_INVALID", { path: "the file", reason: "it is not JSON in UTF-8" }, cause);
  }
}

/** The work's outcome; undefined where it was refused, with the reason reported. */
function attempt<Result>(work: () => Result, report: Report): Result | undefined {
  try {
    return work();
  } catch (error) {
    if (!isTributaryError(error)) throw error;
    report(error.code, error.details);
    return undefined;
  }
}

function check(certificate: ModelCertificate, options: CertificateOptions, report: Report): void {
  const { crypto, key, modelHash, ledger } = options;
  if (!verifyDocument(crypto, certificate, certificate.coordinatorKey)) report("TRB_CERTIFICATE_SIGNATURE_INVALID");
  const found = fingerprintOf(crypto, certificate.coordinatorKey);
  if (key === undefined) report("TRB_CERTIFICATE_KEY_UNPINNED");
  else if (key.toLowerCase() !== found) {
    report("TRB_CERTIFICATE_KEY_MISMATCH", { found, expected: key.toLowerCase().slice(0, 80) });
  }
  if (certificate.modelHash !== modelHash) {
    report("TRB_CERTIFICATE_OTHER_MODEL", { found: modelHash, expected: certificate.modelHash });
  }
  checkEvidence(certificate, crypto, report);
  checkClaims(certificate, report);
  if (ledger !== undefined) checkLedger(certificate, ledger, crypto, report);
}

/** The entries are the coordinator's, of this plan, what they should be, and in the ledger that is named. */
function checkEvidence(certificate: ModelCertificate, crypto: Crypto, report: Report): void {
  const { plan, released, judged, modelHash, ledger } = certificate;
  const hash = planHash(crypto, plan);
  const wrong = (reason: string) => report("TRB_CERTIFICATE_ENTRY_INVALID", { reason });
  if (certificate.planHash !== hash) contradicted("planHash", certificate.planHash, hash, report);
  for (const one of judged === null ? [released] : [released, judged]) {
    const { entry, inclusion } = one;
    const name = `entry ${entry.index}`;
    if (!verifyDocument(crypto, entry, plan.coordinatorKey)) wrong(`${name} is not signed by the coordinator`);
    if (!("planHash" in entry) || entry.planHash !== hash) wrong(`${name} is bound to another plan`);
    const placed = inclusion.index === entry.index && inclusion.size === ledger.entries;
    if (!placed || !includes(crypto, lineOf(entry), inclusion, ledger.tree)) {
      report("TRB_CERTIFICATE_NOT_INCLUDED", { entry: entry.index });
    }
    checkCost(one, certificate, report);
  }
  if (!releasesModel(released.entry, modelHash)) wrong(`entry ${released.entry.index} did not release this model`);
  if (judged === null) return;
  const { entry } = judged;
  const judges = entry.kind === "round" && entry.modelHash === modelHash && plan.releases[entry.release]?.kind === "metrics";
  if (!judges) wrong(`entry ${entry.index} has no metrics of this model`);
  else if (entry.index <= released.entry.index) wrong("its metrics are from before it was released");
}

const lineOf = (entry: Entry): string => new TextDecoder().decode(canonicalBytes(entry));

/** What the entry claims to have been spent is at least what its charged rounds cost. */
function checkCost({ entry }: Evidence, { plan }: ModelCertificate, report: Report): void {
  if (entry.kind !== "round") return;
  const due = attempt(() => spentAfter(plan, entry.spent.charged), report);
  const counts = entry.spent.charged;
  const whole = counts.length === plan.releases.length && (counts[entry.release] ?? 0) >= 1;
  if (due === undefined || (whole && !undercuts(entry.spent.epsilon, due.epsilon))) return;
  report("TRB_CERTIFICATE_ENTRY_INVALID", {
    reason: `entry ${entry.index} claims ε = ${entry.spent.epsilon} where ${due.epsilon} was spent`,
  });
}

/** Everything that follows from plan and entries is made again. */
function checkClaims(certificate: ModelCertificate, report: Report): void {
  const { plan, released, judged, dataPeriod } = certificate;
  const fault = periodFault(dataPeriod, released.entry.at);
  if (fault !== undefined) report("TRB_CERTIFICATE_INVALID", { path: "dataPeriod", reason: fault });
  const { entry } = released;
  if (entry.kind !== "genesis" && entry.kind !== "round") return; // reported by `checkEvidence`
  const metrics = judged?.entry.kind === "round" ? (judged.entry as EntryOf<"round">) : undefined;
  const due = attempt(() => claimsOf(plan, entry, metrics), report);
  if (due === undefined) return;
  for (const [field, expected] of Object.entries(due)) {
    differences(field, certificate[field as keyof typeof due], expected, report);
  }
}

/** Numbers agree at 1e-9 (floats of other machines differ in the last digits); a claimed ε may exceed what is due. All else is equal. */
function differences(path: string, found: unknown, expected: unknown, report: Report): void {
  if (isRecord(found) && isRecord(expected)) {
    for (const [name, due] of Object.entries(expected)) differences(`${path}.${name}`, found[name], due, report);
    return;
  }
  if (found === expected || JSON.stringify(found) === JSON.stringify(expected)) return;
  const measured = path.startsWith("metrics.") && typeof found === "string" && typeof expected === "string";
  if (measured && agreesAsNumbers(found, expected)) return;
  contradicted(path, found, expected, report);
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

function agreesAsNumbers(found: string, expected: string): boolean {
  return parseDecimal(expected) === 0
    ? Math.abs(parseDecimal(found)) <= 1e-9
    : agrees(found as Parameters<typeof agrees>[0], expected as Parameters<typeof agrees>[1]);
}

function contradicted(field: string, found: unknown, expected: unknown, report: Report): void {
  const shown = (value: unknown) => (typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing")).slice(0, 80);
  report("TRB_CERTIFICATE_CONTRADICTED", { field, found: shown(found), expected: shown(expected) });
}

/** The ledger begins with the one that the certificate names. Whether it verifies is `verifyLedger`'s to say. */
function checkLedger({ ledger, released, judged }: ModelCertificate, bytes: Uint8Array, crypto: Crypto, report: Report): void {
  const lines = attempt(() => splitLines(bytes).lines.map(decodeLine), report);
  if (lines === undefined) return;
  const other = (reason: string) => report("TRB_CERTIFICATE_OTHER_LEDGER", { reason });
  if (lines.length < ledger.entries) {
    other(`it has ${lines.length} entries, and the certificate was made of ${ledger.entries}`);
    return;
  }
  const head = lines.slice(0, ledger.entries).reduce<LedgerHead>((before, line) => headAfter(crypto, before, line), emptyHead);
  const tree: Sha256 = rootOf(crypto, head.frontier);
  if (head.hash !== ledger.head || tree !== ledger.tree) other(`its entry ${ledger.entries - 1} is another`);
  for (const { entry } of judged === null ? [released] : [released, judged]) {
    if (lines[entry.index] !== lineOf(entry)) other(`its entry ${entry.index} is another`);
  }
}
