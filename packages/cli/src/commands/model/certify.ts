/** `tributary model certify` and `tributary coordinator certify`: the coordinator signs for a model what its ledger says of it. */
import { join } from "node:path";
import { fail } from "@tributary/errors";
import { certificateBytes, certifyModel, type ModelCertificate, verifyLedger } from "@tributary/ledger";
import { softwareHash } from "@tributary/ledger/software";
import { readCheckpoint } from "@tributary/model";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { type Command, Option } from "commander";
import { readInput, writeOutput } from "../../files.ts";
import { ledgerModels } from "../../model-cards.ts";
import { extensionFilesOption, openExtensions } from "../../open-extensions.ts";
import { integerOption, jsonOption } from "../../options.ts";
import { print } from "../../output.ts";
import { addPlaceOptions, type PlaceFlags } from "../../place-options.ts";

interface PeriodOptions {
  readonly dataFrom?: string;
  readonly dataUntil?: string;
}

interface CertifyOptions extends PeriodOptions {
  readonly ledger: string;
  readonly keyFile: string;
  readonly out?: string;
  readonly extension?: readonly string[];
  readonly json?: boolean;
}

export function addCertify(model: Command): void {
  addPeriodOptions(
    model
      .command("certify")
      .description("sign for a model what its ledger says of it: what it cost whom, and by which entry it was released")
      .argument("<file>", "model.safetensors or model.onnx, exported or a round's own"),
  )
    .requiredOption("--ledger <file>", "ledger.jsonl, whole")
    .requiredOption("--key-file <file>", "the coordinator's identity: keys/identity of its folder")
    .option("--out <file>", "where to write the certificate (default: beside the model, certificate.json)")
    .addOption(extensionFilesOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample:\n  tributary model certify exported/model.safetensors --ledger platform/ledger.jsonl --key-file platform/keys/identity",
    )
    .action(async (path: string, options: CertifyOptions) => {
      const { identityFromFile } = await import("@tributary/coordinator");
      await openExtensions(options.extension);
      const crypto = nodeCrypto();
      const ledger = readInput(options.ledger);
      const [failure] = verifyLedger(ledger, { crypto }).failures;
      if (failure !== undefined) {
        const { entry, line, code } = failure;
        throw fail("TRB_CLI_LEDGER_NOT_VERIFIED", { failures: [`entry ${entry} (line ${line}): ${code}`] });
      }
      const { roundFile } = readCheckpoint(readInput(path), ledgerModels(ledger)[0]?.plan.model);
      const certificate = certifyModel(
        { crypto, ...identityFromFile(options.keyFile) },
        {
          lines: Buffer.from(ledger).toString("utf8").split("\n").slice(0, -1),
          modelHash: Buffer.from(crypto.sha256(roundFile)).toString("hex"),
          software: softwareHash(import.meta.url),
          ...periodIn(options),
        },
      );
      const out = options.out ?? join(path, "..", "certificate.json");
      writeOutput(out, certificateBytes(certificate));
      tell(certificate, out, options.json);
    });
}

interface CertifyHomeOptions extends PeriodOptions, PlaceFlags {
  readonly round?: number;
  readonly out?: string;
  readonly json?: boolean;
}

export function addCertifyHome(coordinator: Command): void {
  const certify = coordinator
    .command("certify")
    .description(
      "sign for a released model what the ledger says of it; the last one is certified by itself when the federation ends",
    );
  addPeriodOptions(addPlaceOptions(certify))
    .addOption(
      integerOption("--round <n>", "the round whose model is meant; 0 is the initial one (default: the one put forward)", 0),
    )
    .option("--out <file>", "write it there as well")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary coordinator certify --home platform --out certificate.json")
    .action(async (options: CertifyHomeOptions) => {
      const { certifyHome } = await import("@tributary/coordinator");
      const { round } = options;
      const made = await certifyHome(options, { ...(round === undefined ? {} : { round }), ...periodIn(options) });
      if (options.out !== undefined) writeOutput(options.out, certificateBytes(made.certificate));
      tell(made.certificate, options.out ?? made.path, options.json);
    });
}

const addPeriodOptions = (command: Command): Command =>
  command
    .addOption(new Option("--data-from <month>", "first month of the members' data, YYYY-MM, as the coordinator declares"))
    .addOption(new Option("--data-until <month>", "last month of it (default: the month of the model's release)"));

/** @throws TRB_CLI_BAD_OPTION */
function periodIn({ dataFrom, dataUntil }: PeriodOptions) {
  if (dataUntil !== undefined) return { declared: { from: dataFrom ?? null, until: dataUntil } };
  if (dataFrom === undefined) return {};
  throw fail("TRB_CLI_BAD_OPTION", {
    option: "--data-until",
    value: "left out",
    expected: "the last month, beside --data-from",
  });
}

function tell(certificate: ModelCertificate, out: string, json: boolean | undefined): void {
  const { modelHash, round, privacy, ledger } = certificate;
  print(json, { out, certificate }, () => [
    out,
    `  model     ${modelHash}, round ${round}`,
    `  ε         ${privacy.epsilon} at δ ${privacy.delta} for each ${privacy.unit}`,
    `  ledger    entry ${certificate.released.entry.index} of ${ledger.entries}, head ${ledger.head}`,
  ]);
}
