/**
 * `bench round`: one round of secure aggregation, phase by phase, and the same round without secrecy in the same processes. Nothing is trained
 * and no noise is drawn: every node gives a fixed vector, and what is left is what secrecy, durability and the wire cost.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PackedBits } from "@tributary/dp";
import type { Command } from "commander";
import { packedBitsOption } from "../../device-options.ts";
import { integerOption, jsonOption, numberOption } from "../../options.ts";
import { print, table } from "../../output.ts";
import { interruptible, raced } from "./long-measurement.ts";
import { benchProcesses, childProcesses } from "./round/federation.ts";
import { phaseFigures, roundFigures, uploadBytes } from "./round/figures.ts";
import { growthChart, measureGrowth } from "./round/growth.ts";
import { benchSimulated } from "./round/simulated.ts";

interface RoundOptions {
  readonly nodes: number;
  readonly parameters: number;
  readonly dropouts: number;
  readonly rounds: number;
  readonly bits?: PackedBits;
  readonly simulated?: boolean;
  readonly growth?: string;
  readonly json?: boolean;
}

export function addRound(bench: Command): void {
  bench
    .command("round")
    .description("a round of secure aggregation in real processes, phase by phase, beside the same round unmasked")
    .addOption(integerOption("--nodes <n>", "nodes in the round", 3, 10))
    .addOption(integerOption("--parameters <d>", "about so many coordinates", 1_000, 1_000_000))
    .addOption(
      numberOption(
        "--dropouts <share>",
        "share of the nodes that fall silent before they upload",
        (value) => value >= 0 && value < 0.3,
        "a number from 0 to below 0.3",
        0,
      ),
    )
    .addOption(integerOption("--rounds <n>", "measured rounds; one more warms up", 1, 7))
    .addOption(packedBitsOption())
    .option("--simulated", "all nodes in one process, without disk and network, beside the bare cipher")
    .option(
      "--growth <folder>",
      "how a simulated round grows with nodes and coordinates: a table, and two pictures in the folder",
    )
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary bench round --nodes 10 --parameters 1000000 --json")
    .action(async (options: RoundOptions) => {
      if (options.growth !== undefined) return await growth(options.growth, options);
      const dropouts = Math.round(options.dropouts * options.nodes);
      const measured = options.simulated
        ? await benchSimulated({ ...options, dropouts })
        : { ...(await measure({ ...options, dropouts })), masks: undefined };
      const uploaded = uploadBytes(measured.phases, options.nodes - dropouts);
      const document = { ...measured, uploadBytesPerNode: uploaded };
      const { masks } = document;
      print(options.json, document, () => [
        ...table([
          ["phase", "s", "coordinator CPU s", "node CPU s", "MB in", "MB out"],
          ...document.phases.map((one) => [
            one.phase,
            ...[one.seconds, one.coordinatorCpuSeconds, one.nodeCpuSeconds].map((seconds) => seconds.toFixed(4)),
            ...[one.bytesIn, one.bytesOut].map((bytes) => (bytes / 1e6).toFixed(2)),
          ]),
        ]),
        "",
        `secure ${document.secure.seconds.toFixed(3)} s, plain ${document.plain.seconds.toFixed(3)} s, ratio ${document.ratio.toFixed(2)}; ${(document.bytesPerNode / 1e6).toFixed(2)} MB a node, ${(uploaded / 1e6).toFixed(2)} of it uploaded; coordinator ${document.coordinator.peakMb.toFixed(0)} MB`,
        ...(masks === undefined
          ? []
          : [
              `masks: ${(masks.bytes / 1e9).toFixed(2)} GB, ${masks.cipherSeconds.toFixed(2)} s by the bare cipher; the round takes ${masks.ratio.toFixed(2)} times as long, and ${masks.cpuRatio.toFixed(2)} times the processor (${masks.loopRatio.toFixed(2)} and ${masks.loopCpuRatio.toFixed(2)} of a plain loop over it)`,
            ]),
      ]);
    });
}

async function growth(folder: string, { rounds, json }: RoundOptions): Promise<void> {
  const rows = await measureGrowth(rounds);
  for (const grows of ["nodes", "parameters"] as const) {
    writeFileSync(join(folder, `round-by-${grows}.svg`), growthChart(rows, grows));
  }
  print(json, { rows }, () =>
    table([
      ["grows", "nodes", "coordinates", "s", "processor s", "MB a node"],
      ...rows.map(({ grows, nodes, parameters, secure, bytesPerNode }) => [
        ...[grows, String(nodes), String(parameters)],
        ...[secure.seconds.toFixed(2), secure.cpuSeconds.toFixed(2), (bytesPerNode / 1e6).toFixed(2)],
      ]),
    ]),
  );
}

async function measure({ nodes, parameters, dropouts, rounds, bits }: RoundOptions) {
  const folder = mkdtempSync(join(tmpdir(), "tributary-bench-round-"));
  const processes = childProcesses();
  try {
    return await interruptible(async (progress, interruption) => {
      const served = await raced(
        benchProcesses({ nodes, parameters, dropouts, rounds, bits, folder }, processes, progress),
        interruption,
      );
      const secure = roundFigures(served.secure, served.nodes, nodes);
      const plain = roundFigures(served.plain, served.plainNodes, nodes - dropouts);
      const phases = phaseFigures(served, nodes);
      const recovery = phases.filter(({ phase }) => phase === "unmask" || phase === "summing");
      return {
        ...{ nodes, parameters: served.dimension, bits: bits ?? 32, dropouts, rounds },
        ...{ secure, plain, ratio: secure.seconds / plain.seconds, bytesPerNode: secure.bytesPerNode },
        recoverySeconds: recovery.reduce((sum, { seconds }) => sum + seconds, 0),
        coordinator: served.coordinator,
        nodePeakMb: served.nodePeakMb,
        phases,
      };
    });
  } finally {
    await processes.stopAll();
    rmSync(folder, { recursive: true, force: true });
  }
}
