/** Evidence: ledger.jsonl at once and bit by bit, what is stated of it, certificates, proofs of one entry. */
import {
  checkEntryProof,
  ledgerFacts,
  proveEntry,
  stateLedger,
  statementWords,
  verifyCertificate,
  verifyLedger,
  verifyLedgerStream,
} from "@tributary/ledger";
import { fingerprintOf } from "@tributary/protocol";
import { certificateBytes, certifyModel } from "../../../packages/ledger/src/certificate/certificate.ts";
import { asBytes, writeLedger } from "../../../packages/ledger/src/example-ledger.ts";
import { canonicalBytes } from "../../../packages/protocol/src/canonical/canonical.ts";
import { signDocument } from "../../../packages/protocol/src/messages/sign.ts";
import { crypto, federation, validDrafts, validLines } from "../../ledger/valid-ledger.ts";
import type { Choices } from "../engine/choices.ts";
import { editJson } from "../engine/edits.ts";
import { jsonIn, must, type Target, textBytes, verdictLater, verdictOf } from "../engine/target.ts";

const lines = validLines();
const key = fingerprintOf(crypto, federation.plan.coordinatorKey as never);
const signer = { sign: (message: Uint8Array) => crypto.sign(message, federation.coordinator) };
const dictionary = [
  "genesis",
  "round",
  "aborted",
  "roster",
  "promotion",
  "operator",
  "erasure",
  "closing",
  "previous",
  "tree",
  "signature",
];

/** Lines in their canonical form, signed again by the coordinator, so that what they say is looked at. */
function resigned(value: unknown): string {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return JSON.stringify(value) ?? "";
  const { signature: _, ...unsigned } = value as Record<string, unknown>;
  const signed = verdictOf(() => new TextDecoder().decode(canonicalBytes(signDocument(signer, unsigned))));
  return "value" in signed ? signed.value : (JSON.stringify(value) ?? "");
}

/** A whole ledger whose drafts, or whose lines, were changed. */
function changedLedger(choices: Choices): Uint8Array {
  if (choices.below(3) === 0) {
    const drafts = verdictOf(() => writeLedger(federation, editJson(validDrafts(), choices) as never));
    if ("value" in drafts) return asBytes(drafts.value);
  }
  const parsed = lines.map((line): unknown => JSON.parse(line));
  const place = choices.below(parsed.length);
  const changed = parsed.map((value, k) => (k === place ? resigned(editJson(value, choices)) : (lines[k] ?? "")));
  return asBytes(changed.slice(0, 1 + choices.below(changed.length)));
}

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 97) yield bytes.subarray(at, at + 97);
}

const verdicts: Target = {
  ...{ name: "ledgers-verify", parses: "ledger.jsonl: verifier, stream, statement", dictionary },
  ...{ longest: 64_000, seconds: 5, smoke: 24 },
  seeds: () => [asBytes(lines), asBytes(lines.slice(0, 2)), textBytes("{}\n"), asBytes(lines.slice(0, 1))],
  structured: (choices) => changedLedgerSafely(choices),
  async fuzz(bytes) {
    const verdict = verifyLedger(bytes, { crypto, key });
    const streamed = await verifyLedgerStream(chunksOf(bytes), { crypto, key });
    must(JSON.stringify(streamed) === JSON.stringify(verdict), "a ledger that is read bit by bit has the same verdict");
    must(!verdict.fullyVerified || verdict.verified, "nothing is fully verified that is not verified");
    const facts = verdictOf(() => ledgerFacts(bytes));
    if ("value" in facts) {
      const statement = verdictOf(() => stateLedger(facts.value, verdict, crypto));
      if ("value" in statement) verdictOf(() => statementWords(statement.value, "en"));
    } else must(!verdict.verified, "a ledger that can't be stated isn't verified");
  },
};

/** Drafts that can't be written are the writer's to refuse, however it does. */
function changedLedgerSafely(choices: Choices): Uint8Array {
  try {
    return changedLedger(choices);
  } catch {
    return asBytes(lines.slice(1));
  }
}

const certificate = certifyModel(
  { ...signer, crypto, key: federation.plan.coordinatorKey as never },
  { lines, modelHash: "34".repeat(32), software: "55".repeat(32) as never },
);
const certificates: Target = {
  ...{ name: "ledgers-certificate", parses: "certificates of models", dictionary, longest: 32_000, seconds: 5, smoke: 40 },
  seeds: () => [certificateBytes(certificate)],
  structured: (choices) => textBytes(`${resigned(editJson(certificate, choices))}\n`),
  fuzz(bytes) {
    const { verified, certificate: read } = verifyCertificate(bytes, { crypto, key, modelHash: "34".repeat(32) });
    if (verified && read !== undefined) {
      must(Buffer.compare(certificateBytes(read), bytes) === 0, "a certificate that is verified has one spelling");
    }
  },
};

const proofs: Target = {
  ...{ name: "ledgers-proof", parses: "proofs of one entry", dictionary, longest: 32_000, seconds: 5, smoke: 60 },
  seeds: async () => [textBytes(JSON.stringify(await proveEntry(crypto, chunksOf(asBytes(lines)), 3)))],
  structured: (choices) =>
    textBytes(
      JSON.stringify(
        editJson(
          { ...proof, line: choices.below(3) === 0 ? resigned(editJson(JSON.parse(proof.line), choices)) : proof.line },
          choices,
        ),
      ) ?? "",
    ),
  async fuzz(bytes) {
    const found = jsonIn(bytes);
    if (found !== undefined) verdictOf(() => checkEntryProof(crypto, found.json, { key }));
    await verdictLater(() => proveEntry(crypto, chunksOf(bytes), 0));
  },
};
const proof = await proveEntry(crypto, chunksOf(asBytes(lines)), 3);

export const targets: readonly Target[] = [verdicts, certificates, proofs];
