/**
 * The same round without any secrecy, which only a benchmark has: model out, vectors in by HTTP, each on disk before it counts, sum, the
 * optimiser's step, next model. No signatures, keys, shares, masks, votes and ledger. What is compared is what these cost.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { countTraffic, doWork, homeLayout, openBlobs, openObjects, openUploads } from "@tributary/coordinator";
import { fail } from "@tributary/errors";
import { type NodeId, type Plan, parsePlan, type Sha256 } from "@tributary/protocol";
import { between, type PhaseCost, phaseMeter } from "./phase-meter.ts";

interface PlainOptions {
  readonly home: string;
  readonly plan: unknown;
  readonly rounds: number;
  readonly nodes: number;
}

export interface PlainCoordinator {
  readonly url: string;
  readonly finished: Promise<readonly PhaseCost[]>;
}

/** Without any secrecy there is no noise that few bits would have to hold: what is compared with is the vector as it is. */
function unpacked(plan: Plan): Plan {
  return { ...plan, releases: plan.releases.map(({ packing: _, ...release }) => release) };
}

/** Nodes ask for the next round and are answered when it begins; in every round each uploads one vector. */
export async function plainCoordinator({ home, plan: document, rounds, nodes }: PlainOptions): Promise<PlainCoordinator> {
  const plan = unpacked(parsePlan(document));
  const layout = homeLayout(home);
  const objects = await openObjects(home);
  const [blobs, uploads] = [openBlobs(objects), openUploads(objects, layout.staging)];
  const places = { objects, extensions: layout.extensions };
  const length = plan.releases[0]?.dimension ?? 0;
  const meter = phaseMeter();
  const finished = Promise.withResolvers<readonly PhaseCost[]>();
  let round = 0;
  let modelHash = plan.initialModelHash;
  let optimiserHash: Sha256 | null = null;
  let arrived: { readonly node: NodeId; readonly sha256: Sha256 }[] = [];
  const waiting: ServerResponse[] = [];

  const beginRound = () => {
    round += 1;
    meter.begin(round, "uploads", traffic.total());
    for (const response of waiting.splice(0)) response.end(JSON.stringify({ round, modelHash }));
  };
  const endRound = async () => {
    meter.begin(round, "sum", traffic.total());
    const unmasking = { ownMasks: [], pairMasks: [] };
    const summed = await doWork(places, { effect: { type: "sum", round, length, uploads: arrived, unmasking } });
    if (summed.type !== "summed") throw fail("TRB_UNEXPECTED", { reason: summed.type });
    const effect = { type: "apply" as const, round, release: 0, modelHash, optimiserHash, sumHash: summed.sumHash };
    const far = { survivors: arrived.length, releasedBefore: round - 1 };
    const applied = await doWork(places, { effect: { ...effect, ...far }, plan });
    if (applied.type !== "applied") throw fail("TRB_UNEXPECTED", { reason: applied.type });
    [modelHash, optimiserHash, arrived] = [applied.modelHash, applied.optimiserHash, []];
    await uploads.eraseRound(round);
    meter.begin(round, between, traffic.total());
    if (round < rounds) return;
    finished.resolve(meter.costs());
    server.close();
    server.closeIdleConnections();
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [, what = "", node = "", sha256 = ""] = (request.url ?? "").split("/");
    if (what === "round") {
      waiting.push(response);
      if (waiting.length === nodes && round < rounds) beginRound();
    } else if (what === "model") {
      response.end(await blobs.read(node as Sha256));
    } else {
      const upload = { round, node: node as NodeId, sha256: sha256 as Sha256 };
      await uploads.receive(upload, request, 4 * length);
      arrived.push(upload);
      response.end();
      if (arrived.length === nodes) await endRound();
    }
  };
  const server = createServer((request, response) => {
    answer(request, response).catch(finished.reject);
  });
  const traffic = countTraffic(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, finished: finished.promise };
}
