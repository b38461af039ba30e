/** A node process with seeded randomness: `node test/seeded/node.ts HOME`. */
import { startNode } from "@tributary/client";
import { seededRandom } from "./randomness.ts";

const home = process.argv[2] ?? "";
const running = await startNode({
  trainingThreads: 1, // several nodes share the cores; more threads give the same bits
  home,
  random: (round, purpose) => seededRandom("node", running.node, round, purpose),
  trainingWorker: new URL("./training-worker.ts", import.meta.url),
});
process.stdout.write(`${JSON.stringify({ event: "started", node: running.node })}\n`);
await running.finished;
await running.close();
