/** A coordinator process with seeded randomness: `node test/seeded/coordinator.ts HOME PLAN CATALOGUE NODES [PORT [EXTENSION …]]`. */
import { readFileSync } from "node:fs";
import { startCoordinator } from "@tributary/coordinator";
import { seededRandom } from "./randomness.ts";

const [home = "", plan = "", catalogue = "", nodes = "", port = "0", ...extensions] = process.argv.slice(2);
const running = await startCoordinator({
  home,
  port: Number(port),
  plan: JSON.parse(readFileSync(plan, "utf8")),
  catalogue: readFileSync(catalogue),
  startWhen: Number(nodes),
  extensions,
  random: (round, purpose) => seededRandom("coordinator", "", round, purpose),
});
process.stdout.write(`${JSON.stringify({ event: "listening", url: running.url, fingerprint: running.fingerprint })}\n`);
await running.finished;
await running.close();
