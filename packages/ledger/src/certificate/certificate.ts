/**
 * A model certificate: what the coordinator signs of one model, so that whoever gets the model file can check offline, without the ledger, what it cost whom. It holds
 * the plan and the ledger entry that released the model, and a Merkle proof that the entry is in the ledger whose head it names. Everything else
 * that it says follows from those two (`claims.ts`), so that a reader computes it again and believes nothing but the entry's own claims.
 */
import { fail } from "@tributary/errors";
import {
  type Crypto,
  canonicalBytes,
  decimal,
  federationName,
  fingerprintOf,
  type IdentityKey,
  identityKey,
  planSchema,
  type Sha256,
  type Signer,
  sha256Hex,
  signatureHex,
  signDocument,
} from "@tributary/protocol";
import { z } from "zod";
import { emptyHead, headAfter } from "../building.ts";
import { type Entry, type EntryOf, entrySchema, type LedgerHead } from "../entries.ts";
import { parseLine } from "../parsing.ts";
import { rootOf } from "../tree/hashing.ts";
import { inclusionProof } from "../tree/proofs.ts";
import { claimsOf } from "./claims.ts";

/** A year and a month. */
const month = z.string().regex(/^[0-9]{4}-(0[1-9]|1[0-2])$/, "expected YYYY-MM");

const inclusionSchema = z.strictObject({
  index: z.int().min(0),
  size: z.int().min(1),
  path: z.array(sha256Hex).max(64),
});

/** An entry, and where in the ledger it is. */
const evidenceSchema = z.strictObject({ entry: entrySchema, inclusion: inclusionSchema });
export type Evidence = z.infer<typeof evidenceSchema>;

/** Null: the noise drowns it. */
const estimateSchema = z.strictObject({
  estimate: decimal.nullable(),
  interval: z.tuple([decimal, decimal]).nullable(),
});

const metricsSchema = z.strictObject({
  round: z.int().min(1),
  /** Of the intervals, which Fieller's method gives. */
  confidence: z.literal("0.95"),
  customers: estimateSchema,
  hr10: estimateSchema,
  ndcg10: estimateSchema,
  mrr: estimateSchema,
  newItems: z.strictObject({ hr10: estimateSchema, ndcg10: estimateSchema }),
  /** What one round of these metrics costs by itself at the plan's δ. */
  epsilon: decimal,
  /** Spent in all once they were known. */
  epsilonAfter: decimal,
});
export type CertifiedMetrics = z.infer<typeof metricsSchema>;

export const certificateSchema = z.strictObject({
  version: z.literal(1),
  purpose: z.literal("model-certificate"),
  federation: federationName,
  coordinatorKey: identityKey,
  modelHash: sha256Hex,
  /** 0: the initial model, which no data has touched. */
  round: z.int().min(0),
  /** Coarse, and nobody measured it. `ledger`: no data later than the month in which the model was released, by the coordinator's clock. */
  dataPeriod: z.strictObject({ basis: z.enum(["declared", "ledger"]), from: month.nullable(), until: month }),
  privacy: z.strictObject({
    unit: planSchema.shape.unit,
    maxMerchantsPerCustomer: z.int().min(1),
    adjacency: z.literal("add-or-remove-one"),
    /** Spent by everything up to this model, itself included. */
    epsilon: decimal,
    delta: decimal,
    limit: decimal,
    accountant: planSchema.shape.accountant,
    conditional: z.literal("catalogue treated as public").nullable(),
  }),
  /** Of the model itself, by customers who were held out; null where none were released. */
  metrics: metricsSchema.nullable(),
  /** What metrics were measured on. */
  evaluation: z.string().max(600).nullable(),
  /** What the coordinator says that it ran when it signed. */
  software: sha256Hex,
  ledger: z.strictObject({
    entries: z.int().min(1),
    /** Hash of the last of them. */
    head: sha256Hex,
    /** Root of the tree over their lines. */
    tree: sha256Hex,
  }),
  planHash: sha256Hex,
  plan: planSchema,
  /** The entry that released the model; of the initial one, the first. */
  released: evidenceSchema,
  /** The entry of the metrics, where there are any. */
  judged: evidenceSchema.nullable(),
  /** By the coordinator's identity key, over the canonical bytes of everything else. */
  signature: signatureHex,
});
export type ModelCertificate = z.infer<typeof certificateSchema>;
export type DataPeriod = ModelCertificate["dataPeriod"];

export interface CertificateRequest {
  /** All of the ledger, without their `\n`. It should verify; nothing is checked here. */
  readonly lines: readonly string[];
  /** Default: `publishedHash`. */
  readonly modelHash?: string;
  /** Months that the members' data are of, where the coordinator knows and says so. */
  readonly declared?: { readonly from: string | null; readonly until: string };
  readonly software: Sha256;
}

/** Who certifies: the ledger's coordinator. */
export interface Certifier extends Signer {
  readonly crypto: Pick<Crypto, "sha256">;
  readonly key: IdentityKey;
}

/**
 * @throws TRB_LEDGER_EMPTY, TRB_LEDGER_LINE_INVALID, TRB_LEDGER_NOT_CANONICAL; TRB_CERTIFICATE_OTHER_MODEL for a model that the ledger doesn't name,
 *   TRB_CERTIFICATE_KEY_MISMATCH for a signer who isn't the ledger's coordinator, TRB_CERTIFICATE_INVALID for a period that isn't one
 */
export function certifyModel(certifier: Certifier, request: CertificateRequest): ModelCertificate {
  const { crypto, key } = certifier;
  const { lines, declared, software } = request;
  const entries = lines.map(parseLine);
  const genesis = genesisOf(entries);
  const { plan, planHash } = genesis;
  if (key !== plan.coordinatorKey) {
    throw fail("TRB_CERTIFICATE_KEY_MISMATCH", {
      found: fingerprintOf(crypto, key),
      expected: fingerprintOf(crypto, plan.coordinatorKey),
    });
  }
  const modelHash = request.modelHash ?? publishedHash(entries);
  const entry = entries.findLast((one) => releasesModel(one, modelHash));
  if (entry === undefined) {
    throw fail("TRB_CERTIFICATE_OTHER_MODEL", { found: modelHash, expected: "none of that hash in the ledger" });
  }
  const judged = judgedIn(entries, plan, modelHash);
  const evidence = (of: Entry): Evidence => {
    const { path, ...place } = inclusionProof(crypto, lines, of.index);
    return { entry: of, inclusion: { ...place, path: [...path] } };
  };
  const head = lines.reduce<LedgerHead>((before, line) => headAfter(crypto, before, line), emptyHead);
  const unsigned = {
    version: 1 as const,
    purpose: "model-certificate" as const,
    ...claimsOf(plan, entry, judged),
    dataPeriod: periodOf(entry, declared),
    software,
    ledger: { entries: head.entries, head: head.hash, tree: rootOf(crypto, head.frontier) },
    planHash,
    plan,
    released: evidence(entry),
    judged: judged === undefined ? null : evidence(judged),
  };
  const parsed = certificateSchema.safeParse(signDocument(certifier, unsigned));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw fail("TRB_CERTIFICATE_INVALID", {
    path: issue?.path.join(".") ?? "the document",
    reason: issue?.message ?? "it doesn't fit the schema",
  });
}

/** Canonical, ended by one `\n`. */
export function certificateBytes(certificate: ModelCertificate): Uint8Array {
  const document = canonicalBytes(certificate);
  const bytes = new Uint8Array(document.length + 1);
  bytes.set(document);
  bytes[document.length] = 0x0a;
  return bytes;
}

/** The model that the ledger puts forward: the one promoted last, else the one that metrics kept last, else the last one released, or gone back to since. */
export function publishedHash(entries: readonly Entry[]): Sha256 {
  const { plan } = genesisOf(entries);
  const promoted = entries.findLast((entry) => entry.kind === "promotion");
  if (promoted !== undefined) return promoted.modelHash;
  const metrics = (entry: Entry) => entry.kind === "round" && plan.releases[entry.release]?.kind === "metrics";
  const last = entries.findLast(
    (entry) => entry.kind === "rollback" || (entry.kind === "round" && (plan.acceptance === undefined || metrics(entry))),
  );
  if (last?.kind === "rollback") return last.modelHash;
  return last?.kind === "round" ? last.nextModelHash : plan.initialModelHash;
}

function genesisOf([first]: readonly Entry[]): EntryOf<"genesis"> {
  if (first === undefined) throw fail("TRB_LEDGER_EMPTY");
  if (first.kind === "genesis") return first;
  throw fail("TRB_LEDGER_LINE_INVALID", { path: "kind", reason: "the first entry is no genesis" });
}

/** Rounds whose sum stands in the ledger leave a model, and make none. */
export function releasesModel(entry: Entry, modelHash: string): entry is EntryOf<"genesis"> | EntryOf<"round"> {
  if (entry.kind === "genesis") return entry.plan.initialModelHash === modelHash;
  return entry.kind === "round" && entry.sum === undefined && entry.nextModelHash === modelHash;
}

function judgedIn(entries: readonly Entry[], { releases }: ModelCertificate["plan"], modelHash: string) {
  return entries.findLast(
    (entry): entry is EntryOf<"round"> =>
      entry.kind === "round" && entry.modelHash === modelHash && releases[entry.release]?.kind === "metrics",
  );
}

function periodOf({ at }: Entry, declared: CertificateRequest["declared"]): DataPeriod {
  const released = monthOf(at);
  if (declared === undefined) return { basis: "ledger", from: null, until: released };
  const { from, until } = declared;
  const period = { basis: "declared" as const, from, until };
  const reason = periodFault(period, at);
  if (reason !== undefined) throw fail("TRB_CERTIFICATE_INVALID", { path: "dataPeriod", reason });
  return period;
}

/** Why a period can't be that of a model released at that time; undefined: it can. */
export function periodFault({ basis, from, until }: DataPeriod, at: string): string | undefined {
  const released = monthOf(at);
  if (until > released) return `it ends in ${until}, after the model was released in ${released}`;
  if (from !== null && from > until) return `it begins in ${from}, after its end in ${until}`;
  if (basis === "ledger" && (from !== null || until !== released)) return "it is not the month of the entry";
  return undefined;
}

const monthOf = (at: string): string => new Date(at).toISOString().slice(0, 7);
