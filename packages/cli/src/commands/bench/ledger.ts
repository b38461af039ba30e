/** `bench ledger`: how long `ledger verify` takes for a long ledger, with the coordinator's signatures alone and with the nodes' as well. */
import { createReadStream, mkdtempSync, rmSync, statSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fail } from "@tributary/errors";
import { verifyLedgerStream } from "@tributary/ledger";
import { signatureThreads } from "@tributary/ledger/threads";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { type Command, Option } from "commander";
import { integerOption, jsonOption } from "../../options.ts";
import { print, table } from "../../output.ts";
import { writeMadeUpLedger } from "./ledger/made-up-ledger.ts";
import { interruptible, measuredAlone, raced } from "./long-measurement.ts";

type Whose = "all" | "coordinator";

interface LedgerFlags {
  readonly entries: number;
  readonly file?: string;
  readonly whose: Whose;
  readonly json?: boolean;
}

interface Measured {
  readonly seconds: number;
  /** Of all cores, user and system, Node's start included. */
  readonly cpuSeconds: number;
  readonly peakMb: number;
}

export function addLedger(bench: Command): void {
  bench
    .command("ledger")
    .description("`ledger verify` of a long made-up ledger: with the coordinator's signatures, and with the nodes' beside them")
    .addOption(integerOption("--entries <n>", "entries of the ledger", 2, 100_000, 10_000_000))
    .option("--file <ledger>", "measure this ledger, in this process")
    .addOption(new Option("--whose <who>", "of --file: whose signatures").choices(["all", "coordinator"]).default("all"))
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary bench ledger --entries 100000 --json")
    .action(async ({ entries, file, whose, json }: LedgerFlags) => {
      if (file !== undefined) {
        const measured = await measure(file, whose);
        print(json, measured, () => [`${measured.seconds.toFixed(2)} s, ${measured.cpuSeconds.toFixed(2)} CPU s`]);
        return;
      }
      const figures = await interruptible((progress, interruption) => {
        progress.show("bench ledger: writing a ledger", 0, 3);
        return raced(measureBoth(entries), interruption);
      });
      const { coordinator, all } = figures;
      const row = (name: string, { seconds, cpuSeconds, peakMb }: Measured) => [
        ...[name, seconds.toFixed(2), cpuSeconds.toFixed(2), peakMb.toFixed(0)],
      ];
      print(json, figures, () => [
        ...table([
          ["", "s", "CPU s", "peak MB"],
          row("everything, the coordinator's signatures", coordinator),
          row("the nodes' signatures as well", all),
        ]),
        "",
        `${entries} entries, ${figures.ledgerMb.toFixed(0)} MB; ${figures.nodeSignatures} signatures of nodes, ${Math.round(figures.nodeSignaturesPerSecond)}/s more`,
      ]);
    });
}

async function measureBoth(entries: number) {
  const folder = mkdtempSync(join(tmpdir(), "tributary-bench-ledger-"));
  try {
    const path = join(folder, "ledger.jsonl");
    const nodeSignatures = writeMadeUpLedger(path, entries);
    const alone = (whose: Whose) => measuredAlone<Measured>(["bench", "ledger", "--file", path, "--whose", whose, "--json"]);
    const coordinator = await alone("coordinator");
    const all = await alone("all");
    return {
      ...{ entries, nodeSignatures, ledgerMb: statSync(path).size / 1e6, cores: availableParallelism(), coordinator, all },
      nodeSignaturesPerSecond: nodeSignatures / Math.max(all.seconds - coordinator.seconds, 1e-3),
      nodeSignaturesPerCpuSecond: nodeSignatures / Math.max(all.cpuSeconds - coordinator.cpuSeconds, 1e-3),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @throws TRB_UNEXPECTED when the ledger doesn't hold */
async function measure(file: string, whose: Whose): Promise<Measured> {
  const begin = performance.now();
  const threads = signatureThreads({ whose });
  const verdict = await verifyLedgerStream(
    createReadStream(file, { highWaterMark: 1 << 20 }),
    { crypto: nodeCrypto() },
    threads,
  );
  const seconds = (performance.now() - begin) / 1000;
  await threads.close();
  const [failure] = verdict.failures;
  if (failure !== undefined) throw fail("TRB_UNEXPECTED", { reason: `entry ${failure.entry}: ${failure.message}` });
  const { user, system } = process.cpuUsage();
  return { seconds, cpuSeconds: (user + system) / 1e6, peakMb: (process.resourceUsage().maxRSS * 1024) / 1e6 };
}
