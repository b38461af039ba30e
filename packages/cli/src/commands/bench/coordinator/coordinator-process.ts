/** The coordinator of the benchmark, or one of its replicas, as it is, in a process of its own. */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { logTo } from "@tributary/client";
import {
  createInvite,
  homeLayout,
  keepHeapSmall,
  openBlobs,
  openObjects,
  type RunningCoordinator,
  startCoordinator,
} from "@tributary/coordinator";
import { watchLoop } from "./loop-delay.ts";
import type { CoordinatorAnswer, CoordinatorOrder, PhaseUsage } from "./words.ts";

const say = (answer: CoordinatorAnswer) => process.send?.(answer);

keepHeapSmall(); // as `coordinator start` does

let home = "";
let objects = "";
let running: RunningCoordinator | undefined;
let slices = 0;
const loop = watchLoop();
const phases: PhaseUsage[] = [];

async function obey(order: CoordinatorOrder): Promise<void> {
  switch (order.type) {
    case "serve":
      return serve(order);
    case "invite": {
      const place = order.databaseUrl === undefined ? home : { home, databaseUrl: order.databaseUrl };
      const invites: string[] = [];
      for (const node of order.nodes) {
        invites.push((await createInvite(place, { node, url: running?.url ?? "", hours: 1 })).invite);
      }
      say({ type: "invited", invites });
      return;
    }
    case "keep": {
      const store = await openObjects(objects);
      say({ type: "kept", sha256: await openBlobs(store).put(randomBytes(order.octets)) });
      store.close();
      return;
    }
    case "usage":
      say({
        ...{ type: "usage", cpuSeconds: cpuSeconds(), peakMb: process.resourceUsage().maxRSS / 1024, slices },
        loop: loop.since(),
      });
      return;
    case "end":
      await running?.close();
      process.disconnect();
  }
}

async function serve({
  home: where,
  plan,
  catalogue,
  nodes,
  cohort,
  shared,
}: CoordinatorOrder & { type: "serve" }): Promise<void> {
  home = where;
  objects = shared?.blobs ?? home;
  const phaseLoop = watchLoop();
  let mark: { readonly round: number; readonly phase: string; readonly at: number; readonly cpu: number } | undefined;
  const begin = (round: number, phase: string) => {
    const [at, cpu, delay] = [performance.now(), cpuSeconds(), phaseLoop.since()];
    if (mark !== undefined && mark.phase !== "waiting") {
      const { round: of, phase: what } = mark;
      phases.push({ round: of, phase: what, seconds: (at - mark.at) / 1e3, cpuSeconds: cpu - mark.cpu, loop: delay });
    }
    mark = { round, phase, at, cpu };
    if (phase === "keys") say({ type: "roundBegan", round });
  };
  const log = logTo(({ msg, round, phase, job }) => {
    if (msg === "phase") begin(Number(round), String(phase));
    if (msg === "work done" && String(job).includes("slices")) slices += 1;
  });
  running = await startCoordinator({
    ...{ home, port: 0, startWhen: nodes, schedule: { cohort: { most: cohort } }, log },
    ...{ plan: JSON.parse(readFileSync(plan, "utf8")), catalogue: readFileSync(catalogue) },
    ...shared,
  });
  say({ type: "listening", url: running.url });
  await running.finished;
  const { ledger } = homeLayout(home);
  say({ type: "finished", phases, ledger: existsSync(ledger) ? ledger : "" });
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

process.on("message", (order: CoordinatorOrder) => {
  obey(order).catch((error: unknown) => {
    say({ type: "failed", reason: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  });
});
process.once("disconnect", () => process.exit()); // told to end, or the benchmark is gone
