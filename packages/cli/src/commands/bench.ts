/** `tributary bench …`: the measurements of docs/performance.md, as ratios taken in one run. */
import { Command } from "commander";
import { addConformance } from "./bench/conformance.ts";
import { addCoordinator } from "./bench/coordinator.ts";
import { addDisjoint } from "./bench/disjoint.ts";
import { addDp } from "./bench/dp.ts";
import { addIngest } from "./bench/ingest.ts";
import { addLedger } from "./bench/ledger.ts";
import { addPredict } from "./bench/predict.ts";
import { addQuality } from "./bench/quality.ts";
import { addRound } from "./bench/round.ts";
import { addSampler } from "./bench/sampler.ts";
import { addServe } from "./bench/serve.ts";
import { addServedQuality } from "./bench/served-quality.ts";
import { addSimulate } from "./bench/simulate.ts";
import { addStep } from "./bench/step.ts";
import { addUtility } from "./bench/utility.ts";

export function benchCommand(): Command {
  const bench = new Command("bench").description("measurements, printed as ratios taken in one run on this machine");
  addStep(bench);
  addPredict(bench);
  addDp(bench);
  addSampler(bench);
  addRound(bench);
  addCoordinator(bench);
  addSimulate(bench);
  addIngest(bench);
  addLedger(bench);
  addServe(bench);
  addServedQuality(bench);
  addConformance(bench);
  addQuality(bench);
  addUtility(bench);
  addDisjoint(bench);
  return bench;
}
