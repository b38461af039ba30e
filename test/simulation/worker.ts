/** One thread of a search: takes lists of seeds, answers with what each came to. A planted bug is in place before anything is loaded. */
import { parentPort, workerData } from "node:worker_threads";
import { type Mutation, plant, smallGraphs } from "./mutations.ts";

const { mutation, trace } = workerData as { readonly mutation: Pick<Mutation, "edits"> | undefined; readonly trace: boolean };
const missing = plant({ edits: [...smallGraphs.edits, ...(mutation?.edits ?? [])] });
const { runSeed } = await import("./run-seed.ts");
for (const { file } of missing()) throw new Error(`${file} was never loaded, so nothing was planted in it`);

parentPort?.on("message", async (seeds: readonly number[]) => {
  for (const seed of seeds)
    parentPort?.postMessage(await runSeed(seed, trace ? (line) => parentPort?.postMessage({ line }) : undefined));
  parentPort?.postMessage("done");
});
