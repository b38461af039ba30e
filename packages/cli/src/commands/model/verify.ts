/**
 * `tributary model verify`: holds a model file to the ledger, offline. Exit 4 when something does not hold.
 *
 * The file's tensors are read against the plan's model, the round's file is made of them again, and its hash is looked up among the
 * models that the ledger names; an ONNX file must be byte for byte what this code builds of those weights; the card must say what the
 * ledger says.
 */
import { fail } from "@tributary/errors";
import { graphHashOf } from "@tributary/federation";
import {
  type Judgement,
  type LedgerVerdict,
  type ModelCertificate,
  readCertificate,
  verifyCertificate,
  verifyLedgerStream,
} from "@tributary/ledger";
import { graphVersion, type ModelCard, readCheckpoint } from "@tributary/model";
import { notVerifiable, type Plan, parsePlan, planHash } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import type { Command } from "commander";
import { readChunks, readInput, readJson, readWatched } from "../../files.ts";
import { type LedgerModel, requireCardOfLedger, streamedModels } from "../../model-cards.ts";
import { extensionFilesOption, openExtensions } from "../../open-extensions.ts";
import { jsonOption } from "../../options.ts";
import { print } from "../../output.ts";
import { rebuildWarmStart, rebuiltInWords } from "./rebuild.ts";

interface VerifyOptions {
  readonly ledger?: string;
  readonly plan?: string;
  readonly certificate?: string;
  readonly extension?: readonly string[];
  readonly key?: string;
  readonly head?: string;
  readonly rebuild?: string;
  readonly json?: boolean;
}

export function addVerify(model: Command): void {
  model
    .command("verify")
    .description("hold a model file to its ledger, offline; exit 4 if it is not the model that was released")
    .argument("<file>", "model.safetensors or model.onnx, exported or a round's own")
    .option("--ledger <file>", "ledger.jsonl: the evidence")
    .option("--plan <file>", "plan.json, obtained elsewhere")
    .option("--certificate <file>", "what the coordinator signed for this model; needs --key, and no ledger")
    .option("--key <fingerprint>", "the coordinator's key fingerprint, obtained elsewhere")
    .option("--head <hash>", "hash of the ledger's last entry, obtained elsewhere")
    .option(
      "--rebuild <catalogue>",
      "catalogue JSONL: make the warm start again from the file's own statistics, and say whether it is the file's",
    )
    .addOption(extensionFilesOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample:\n  tributary model verify tributary-demo/model.onnx --ledger tributary-demo/ledger.jsonl --key FINGERPRINT --head HASH",
    )
    .action(async (path: string, options: VerifyOptions) => {
      await openExtensions(options.extension);
      const crypto = nodeCrypto();
      const file = readInput(path);
      const evidence = options.ledger === undefined ? undefined : await readLedger(options.ledger, options);
      const certified = options.certificate === undefined ? undefined : readInput(options.certificate);
      const certificate = certified === undefined ? undefined : heldTo(certified, options);
      const given = options.plan === undefined ? certificate?.plan : parsePlan(readJson(options.plan));
      const plan = agreedPlan(evidence?.models[0], given, options.ledger ?? "");
      const { spec, card, roundFile } = readCheckpoint(file, plan?.model);
      const hash = Buffer.from(crypto.sha256(roundFile)).toString("hex");
      if (certificate !== undefined && certificate.modelHash !== hash) {
        throw fail("TRB_CERTIFICATE_OTHER_MODEL", { found: hash, expected: certificate.modelHash });
      }
      const inLedger = evidence?.models.find((one) => one.hash === hash);
      if (evidence && inLedger === undefined) {
        const expected = `other models only, the last one ${evidence.models.at(-1)?.hash}`;
        throw fail("TRB_MODEL_HASH_MISMATCH", { found: hash, expected, source: "the ledger" });
      }
      if (card && inLedger) requireCardOfLedger(card, inLedger);
      else if (card) requireOwnHash(card, hash);
      if (card && plan && !inLedger) requirePlansHash(card, planHash(crypto, plan));
      if (plan && plan.graphVersion === graphVersion) {
        const found = graphHashOf(crypto, spec, plan.trained);
        if (found !== plan.graphHash) throw fail("TRB_MODEL_GRAPH_MISMATCH", { found, expected: plan.graphHash });
      }
      const graph = plan === undefined ? "unknown" : plan.graphVersion === graphVersion ? "same" : "another version";
      const rebuilt =
        options.rebuild === undefined ? undefined : await rebuildWarmStart(plan, inLedger, roundFile, options.rebuild);
      const document = {
        verified: true,
        fullyVerified: evidence?.verdict.fullyVerified ?? false,
        modelHash: hash,
        round: inLedger?.round ?? certificate?.round ?? null,
        epsilon: inLedger?.epsilon ?? certificate?.privacy.epsilon ?? null,
        judgement: inLedger?.judgement ?? null,
        delta: plan?.delta ?? null,
        ledger: evidence === undefined ? null : trustOf(evidence.verdict),
        graph,
        card: card === undefined ? "none" : inLedger ? "agrees with the ledger" : "self-consistent",
        certificate: certificate ?? null,
        ...(rebuilt === undefined ? {} : { warmStart: rebuilt }),
        notVerifiable,
      };
      print(options.json, document, () => [...wordsOf(document), ...(rebuilt === undefined ? [] : [rebuiltInWords(rebuilt)])]);
    });
}

/** Everything but whose certificate it is: by its plan the model is read. @throws the first finding's code; exit 4 */
function heldTo(bytes: Uint8Array, { key, ledger }: VerifyOptions): ModelCertificate {
  const certificate = readCertificate(bytes);
  const [finding] = verifyCertificate(bytes, {
    ...{ crypto: nodeCrypto(), key, modelHash: certificate.modelHash },
    ...(ledger === undefined ? {} : { ledger: readInput(ledger) }),
  }).findings;
  if (finding !== undefined) throw fail(finding.code, finding.details);
  return certificate;
}

interface Evidence {
  readonly models: readonly LedgerModel[];
  readonly verdict: LedgerVerdict;
}

/** @throws TRB_CLI_LEDGER_NOT_VERIFIED */
async function readLedger(path: string, options: VerifyOptions): Promise<Evidence> {
  const verdict = await verifyLedgerStream(readWatched(path), {
    crypto: nodeCrypto(),
    ...(options.key === undefined ? {} : { key: options.key }),
    ...(options.head === undefined ? {} : { head: options.head }),
  });
  if (!verdict.verified) {
    const failures = verdict.failures.slice(0, 5).map(({ entry, line, code }) => `entry ${entry} (line ${line}): ${code}`);
    throw fail("TRB_CLI_LEDGER_NOT_VERIFIED", { failures });
  }
  return { verdict, models: await streamedModels(readChunks(path)) };
}

/** The ledger's plan and the given one are one, if there are both. @throws TRB_CLI_PLAN_OF_ANOTHER_LEDGER */
function agreedPlan(ledger: LedgerModel | undefined, given: Plan | undefined, source: string): Plan | undefined {
  if (ledger && given) {
    const [found, expected] = [planHash(nodeCrypto(), given), ledger.planHash];
    if (found !== expected) throw fail("TRB_CLI_PLAN_OF_ANOTHER_LEDGER", { found, expected, source });
  }
  return ledger?.plan ?? given;
}

function requireOwnHash(card: ModelCard, found: string): void {
  if (card.modelHash !== found)
    throw fail("TRB_MODEL_HASH_MISMATCH", { found, expected: card.modelHash, source: "its own card" });
}

function requirePlansHash(card: ModelCard, expected: string): void {
  if (card.planHash === expected) return;
  throw fail("TRB_MODEL_CARD_CONTRADICTED", { field: "planHash", found: card.planHash, source: "the plan", expected });
}

const trustOf = ({ trust, complete, entries, head }: LedgerVerdict) => ({ trust, complete, entries, head });

function wordsOf(found: {
  readonly fullyVerified: boolean;
  readonly modelHash: string;
  readonly round: number | null;
  readonly epsilon: string | null;
  readonly delta: string | null;
  readonly judgement: Judgement | null;
  readonly ledger: ReturnType<typeof trustOf> | null;
  readonly graph: string;
  readonly card: string;
  readonly certificate: ModelCertificate | null;
}): readonly string[] {
  const headline = found.fullyVerified
    ? "the model is the one that the ledger names"
    : found.certificate && !found.ledger
      ? "the model is the one that the coordinator certifies"
      : found.ledger
        ? "the model is the one that this ledger names; the ledger itself is not fully verified"
        : "the file is whole and agrees with itself; give --ledger to hold it to the evidence";
  return [
    headline,
    `  model     ${found.modelHash}`,
    ...(found.round === null ? [] : [`  round     ${found.round}, ε ${found.epsilon} at δ ${found.delta}`]),
    ...(found.judgement === null ? [] : [`  metrics   ${found.judgement} by the plan's rule for keeping models`]),
    ...(found.ledger === null
      ? []
      : [`  ledger    ${found.ledger.trust}, ${found.ledger.complete ? "complete" : "not complete"}`]),
    `  graph     ${found.graph}`,
    `  card      ${found.card}`,
    ...(found.certificate === null ? [] : certificateWords(found.certificate)),
    "  not shown by any file: that noise was added, customers clipped, sampling secret, counts honest, the catalogue public",
  ];
}

function certificateWords({ privacy, metrics, dataPeriod, ledger, released }: ModelCertificate): readonly string[] {
  const { from, until, basis } = dataPeriod;
  const accuracy = metrics?.hr10.estimate ?? null;
  return [
    `  certified by the key given: each ${privacy.unit}, ε ${privacy.epsilon} at δ ${privacy.delta}, accountant ${privacy.accountant}`,
    `            entry ${released.entry.index} of ${ledger.entries}, head ${ledger.head}`,
    `            data ${from === null ? "" : `from ${from} `}until ${until} (${basis === "declared" ? "as the coordinator declares" : "the month of its release"})`,
    ...(metrics === null || accuracy === null
      ? []
      : [`            HR@10 ${Number(accuracy).toFixed(4)}, released for an ε of its own of ${metrics.epsilon}`]),
  ];
}
