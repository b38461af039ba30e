/** A thread that reserves one round in each of some shared budgets, the moment that all its rivals are ready to: for `file.test.ts`. */
import { parentPort, workerData } from "node:worker_threads";
import { isTributaryError } from "@tributary/errors";
import { nodeId, sha256Hex } from "@tributary/protocol";
import { z } from "zod";
import { openSharedBudget } from "./file.ts";

const { files, home, plan, racers, gates } = z
  .object({
    ...{ files: z.array(z.string()), home: sha256Hex, plan: sha256Hex, racers: z.int() },
    /** Who has arrived at each race. */
    gates: z.instanceof(SharedArrayBuffer),
  })
  .parse(workerData);

const arrived = new Int32Array(gates);
const limits = { maxEpsilon: 1, delta: 1e-6, periodDays: null };

/** Returns once everybody has come. */
function meet(race: number): void {
  Atomics.add(arrived, race, 1);
  Atomics.notify(arrived, race);
  for (let here = Atomics.load(arrived, race); here < racers; here = Atomics.load(arrived, race)) {
    Atomics.wait(arrived, race, here);
  }
}

const results = files.map((file, race) => {
  const shared = openSharedBudget(file);
  shared.enrol({ home, federation: "race", node: nodeId.parse("shop"), plan, limits }, [], []);
  meet(race);
  try {
    shared.reserve({ home, plan, round: 1, release: 0 }, new Date().toISOString());
    return "won";
  } catch (error) {
    return isTributaryError(error) ? error.code : String(error);
  } finally {
    shared.close();
  }
});
parentPort?.postMessage(results);
