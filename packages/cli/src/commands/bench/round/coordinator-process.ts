/** The coordinator of the benchmark in a process of its own, as it is. Afterwards the same process serves rounds without any secrecy. */
import { readFileSync } from "node:fs";
import { logTo } from "@tributary/client";
import { createInvite, startCoordinator } from "@tributary/coordinator";
import { between, phaseMeter } from "./phase-meter.ts";
import { plainCoordinator } from "./plain-coordinator.ts";
import type { CoordinatorAnswer, CoordinatorOrder } from "./words.ts";

const say = (answer: CoordinatorAnswer) => process.send?.(answer);

let home = "";
let url = "";
let plan: unknown;

async function obey(order: CoordinatorOrder): Promise<void> {
  switch (order.type) {
    case "serve":
      home = order.home;
      plan = JSON.parse(readFileSync(order.plan, "utf8"));
      return serve(order.nodes, readFileSync(order.catalogue));
    case "invite":
      say({ type: "invited", node: order.node, ...(await createInvite(home, { node: order.node, url, hours: 1 })) });
      return;
    case "plain": {
      const plain = await plainCoordinator({ home, plan, ...order });
      say({ type: "plainListening", url: plain.url });
      say({ type: "plainServed", costs: await plain.finished });
      return;
    }
    case "end":
      process.disconnect();
  }
}

async function serve(nodes: number, catalogue: Uint8Array): Promise<void> {
  const meter = phaseMeter();
  const log = logTo(({ msg, round, phase, bytesIn, bytesOut }) => {
    const bytes = { bytesIn: Number(bytesIn), bytesOut: Number(bytesOut) };
    if (msg === "phase") meter.begin(Number(round), phase === "waiting" ? between : String(phase), bytes);
  });
  const running = await startCoordinator({ home, port: 0, plan, catalogue, startWhen: nodes, log });
  url = running.url;
  const idleMb = process.resourceUsage().maxRSS / 1024;
  say({ type: "listening", url });
  await running.finished;
  await running.close();
  say({ type: "served", costs: meter.costs(), idleMb, peakMb: process.resourceUsage().maxRSS / 1024 });
}

process.on("message", (order: CoordinatorOrder) => {
  obey(order).catch((error: unknown) => {
    say({ type: "failed", reason: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  });
});
process.once("disconnect", () => process.exit()); // told to end, or the benchmark is gone
