/** `account packing`: what fewer bits a coordinate save, and what they cost, by the exact formula of distributed discrete Gaussian noise. */
import { choosePackedSum, epsilonFromRdp, type PackedBits, packedBits, packedRdp, rdpIntegerOrders } from "@tributary/dp";
import { type Command, Option } from "commander";
import { deltaOption, integerOption, jsonOption, numberOption } from "../../options.ts";
import { print, table } from "../../output.ts";

interface PackingOptions {
  readonly bits?: string;
  readonly nodes: number;
  readonly honest?: number;
  readonly dimension: number;
  readonly noise: number;
  readonly clipNorm: number;
  readonly steps: number;
  readonly delta: number;
  readonly json?: boolean;
}

export function addPacking(account: Command): void {
  account
    .command("packing")
    .description("what 16 to 20 bits a coordinate save and cost, where every node is protected as a whole")
    .addOption(new Option("--bits <b>", "only this many (default: each)").choices(packedBits.map(String)))
    .addOption(integerOption("--nodes <n>", "most nodes in a sum", 3).makeOptionMandatory())
    .addOption(integerOption("--honest <h>", "nodes whose noise is counted on (default: all)", 1))
    .addOption(integerOption("--dimension <d>", "coordinates", 1).makeOptionMandatory())
    .addOption(numberOption("--noise <z>", "noise multiplier", (z) => z > 0, "a number above 0").makeOptionMandatory())
    .addOption(numberOption("--clip-norm <C>", "longest update of a node", (norm) => norm > 0, "a number above 0", 1))
    .addOption(integerOption("--steps <rounds>", "rounds", 1).makeOptionMandatory())
    .addOption(deltaOption().makeOptionMandatory())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample:\n  tributary account packing --nodes 100 --dimension 1048576 --noise 8 --steps 100 --delta 1e-6",
    )
    .action((options: PackingOptions) => {
      const wanted = packedBits.filter((bits) => options.bits === undefined || options.bits === String(bits));
      const rows = wanted.map((bits) => row(bits, options));
      print(options.json, { rows, bytesAt32Bits: 4 * options.dimension }, () => [
        ...table([
          ["bits", "ε", "noise × ", "scale", "σ of a node", "wraps, of a coordinate", "MB a node", "MB at 32 bits"],
          ...rows.map((one) => [
            ...[String(one.bits), one.epsilon.toFixed(4), one.noiseOverUnrounded.toFixed(4), one.scale.toFixed(1)],
            ...[one.nodeDeviation.toFixed(1), one.wrapAroundProbability.toExponential(1)],
            ...[one.bytesPerNode, 4 * options.dimension].map((bytes) => (bytes / 1e6).toFixed(2)),
          ]),
        ]),
      ]);
    });
}

function row(bits: PackedBits, { nodes, honest = nodes, dimension, noise, clipNorm, steps, delta }: PackingOptions) {
  const chosen = { bits, dimension, clipNorm, noiseMultiplier: noise, maxNodes: nodes, honestMinimum: honest };
  const packed = choosePackedSum(chosen);
  const rdp = packedRdp(packed).map((value) => steps * value);
  return {
    bits,
    epsilon: epsilonFromRdp(rdpIntegerOrders, rdp, delta).epsilon,
    /** How much more noise the same ε takes than where nothing is rounded. */
    noiseOverUnrounded: packed.inflation,
    scale: packed.scale,
    sensitivity: Math.sqrt(packed.mostSquared),
    nodeDeviation: Math.sqrt(packed.nodeVariance),
    wrapAroundProbability: packed.wrapAroundProbability,
    coordinatesSent: packed.sent,
    bytesPerNode: Math.ceil((packed.sent * bits) / 8),
  };
}
