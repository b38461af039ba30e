/** Nodes whose connections are of no use: one that goes silent without a word, and one that uploads an octet at a time. Rounds go on without them, and nothing of them stays. */
import { readdirSync } from "node:fs";
import { type ClientRequest, request } from "node:http";
import type { MessageOf } from "@tributary/protocol";
import { afterEach, expect, test } from "vitest";
import { homeLayout } from "../home/layout.ts";
import { cuttable } from "../replicas/network.test-support.ts";
import { until } from "../scripted-node.test-support.ts";
import { roundsOf, startTrial, type Trial } from "./trial.test-support.ts";

const deadlines = {
  keys: 2000,
  shares: 2000,
  uploadOffset: 100,
  masked: 2500,
  consistency: 2000,
  unmask: 2000,
  grace: 5000,
};
let trial: Trial | undefined;
afterEach(() => trial?.end());

const survivors = ({ entries }: Trial) => entries().flatMap((entry) => (entry.kind === "round" ? [entry.survivors] : []));

function expectConsecutive(running: Trial): void {
  const rounds = roundsOf(running.entries());
  expect(rounds).toEqual(rounds.map((_, index) => index + 1));
}

test("a node that answers nothing any more, over connections that stay open", { timeout: 90_000 }, async () => {
  const running = await startTrial({ plan: { deadlines } });
  trial = running;
  const [north] = running.nodes;
  const way = await cuttable(running.server().port);
  north.beforeUpload = async () => way.stall();
  await running.connectAll((node) => (node === north ? `http://127.0.0.1:${way.port}` : running.server().url));
  await running.finished();
  for (const who of survivors(running)) expect(who).toEqual(["east", "south", "west"]);
  expectConsecutive(running);
  expect(north.ledger()).toHaveLength(1);
  way.close();
});

/** Begins the upload, and then adds an octet now and then for as long as anybody listens. */
function trickle(url: string, message: MessageOf<"masked">, body: Uint8Array): ClientRequest {
  const upload = request(`${url}/v1/rounds/${message.round}/vectors/${message.body.sha256}`, {
    method: "PUT",
    headers: {
      "content-type": "application/octet-stream",
      "content-length": body.length,
      "x-tributary-message": Buffer.from(JSON.stringify(message)).toString("base64url"),
    },
  }).on("error", () => {}); // the server hangs up in the end
  let sent = 0;
  const more = setInterval(() => upload.write(body.subarray(sent, ++sent)), 50);
  upload.on("close", () => clearInterval(more));
  return upload;
}

test("a node that uploads an octet at a time", { timeout: 90_000 }, async () => {
  const running = await startTrial({ plan: { deadlines } });
  trial = running;
  const [, east] = running.nodes;
  const { staging, uploads } = homeLayout(running.home);
  const begun: ClientRequest[] = [];
  east.beforeUpload = async (message, body) => {
    if (message.round !== 1) return;
    begun.push(trickle(running.server().url, message, body));
    await until("its first octets are there", () => readdirSync(staging).length > 0);
    throw new Error("it has its own way to upload");
  };
  await running.connectAll();
  await running.finished();
  expect(survivors(running)[0]).toEqual(["north", "south", "west"]);
  expectConsecutive(running);
  await until("nothing of it is left", () => [...readdirSync(staging), ...readdirSync(uploads)].length === 0);
  const [upload] = begun;
  expect(upload?.closed).toBe(false);
  const closed = new Promise((resolve) => upload?.on("close", resolve));
  await running.server().close(); // nor does it hold up the end
  await closed;
});
