/** The node's half of a round without any secrecy: asks for the round, fetches its model, uploads its vector. */
import { createHash } from "node:crypto";
import { Agent, request } from "node:http";
import { fail } from "@tributary/errors";
import { z } from "zod";
import { between, type PhaseCost, phaseMeter } from "./phase-meter.ts";
import { givenVector, type NodeOrder } from "./words.ts";

const offerSchema = z.object({ round: z.number(), modelHash: z.string() });

export async function plainNode({
  url,
  name,
  dimension,
  rounds,
}: Extract<NodeOrder, { type: "plain" }>): Promise<readonly PhaseCost[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 2 });
  const meter = phaseMeter();
  for (let done = 0; done < rounds; done++) {
    const offer = offerSchema.parse(JSON.parse((await call(agent, "GET", `${url}/round`)).toString("utf8")));
    meter.begin(offer.round, "uploads");
    const model = await call(agent, "GET", `${url}/model/${offer.modelHash}`);
    if (hashOf(model) !== offer.modelHash) throw fail("TRB_NODE_MODEL_MISMATCH", { round: offer.round });
    const vector = givenVector(dimension);
    const octets = new Uint8Array(vector.buffer);
    await call(agent, "PUT", `${url}/vector/${name}/${hashOf(octets)}`, octets);
    meter.begin(offer.round, between);
  }
  agent.destroy();
  return meter.costs();
}

const hashOf = (octets: Uint8Array) => createHash("sha256").update(octets).digest("hex");

function call(agent: Agent, method: string, url: string, body?: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { "content-length": String(body.length) };
    const asked = request(url, { agent, method, headers: length }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => resolve(Buffer.concat(chunks)));
      response.on("error", reject);
    });
    asked.on("error", reject);
    asked.end(body);
  });
}
