/** A node of the benchmark in a process of its own: the client as it is, with a given vector in place of training. */
import { changePolicy, importEvents, joinFederation, logTo, startNode, trustPeers } from "@tributary/client";
import { between, phaseMeter } from "./phase-meter.ts";
import { plainNode } from "./plain-node.ts";
import type { NodeAnswer, NodeOrder } from "./words.ts";

const say = (answer: NodeAnswer) => process.send?.(answer);
/** Which phase begins with which of the coordinator's messages. */
const phases: Readonly<Record<string, string>> = {
  offer: "keys",
  adverts: "shares",
  envelopes: "masked",
  survivors: "consistency",
  unmask: "unmask",
  result: between,
};

let home = "";

async function obey(order: NodeOrder): Promise<void> {
  switch (order.type) {
    case "join": {
      home = order.home;
      const { fingerprint } = await joinFederation({ invite: order.invite, home });
      say({ type: "joined", fingerprint });
      return;
    }
    case "start":
      await trustPeers({ home, fingerprints: order.peers });
      await changePolicy({ home, maxEpsilon: 1000 });
      await importEvents({ home, files: [order.log] });
      return takePart();
    case "plain":
      say({ type: "plainFinished", costs: await plainNode(order) });
      return;
    case "end":
      process.disconnect();
  }
}

async function takePart(): Promise<void> {
  const meter = phaseMeter();
  const log = logTo(({ msg, step, round }) => {
    const phase = msg === "message" ? phases[String(step)] : undefined;
    if (phase !== undefined) meter.begin(Number(round), phase);
  }, "debug");
  const node = await startNode({
    home,
    log,
    trainingWorker: new URL("./given-vector.ts", import.meta.url),
    trainingThreads: 1,
  });
  say({ type: "started" });
  await node.finished;
  await node.close();
  say({ type: "finished", costs: meter.costs(), peakMb: process.resourceUsage().maxRSS / 1024 });
}

process.on("message", (order: NodeOrder) => {
  obey(order).catch((error: unknown) => {
    say({ type: "failed", reason: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  });
});
process.once("disconnect", () => process.exit()); // told to end, or the benchmark is gone
