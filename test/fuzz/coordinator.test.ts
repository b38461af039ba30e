/**
 * A coordinator in the middle of a round, and a member of it, strangers and broken machines that send it what no honest one does:
 * each message is refused with its code, none with 500, memory stays bounded, and the round is released with everybody in it.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { logTo } from "@tributary/client";
import { createInvite, type RunningCoordinator, readStatus, startCoordinator } from "@tributary/coordinator";
import { verifyLedger } from "@tributary/ledger";
import { type Message, type MessageOf, nodeId, signDocument } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type Answer,
  catalogue,
  connect,
  join,
  type ScriptedNode,
  scriptedNode,
  testIdentity,
  testPlan,
  until,
} from "../../coordinator/src/scripted-node.test-support.ts";
import { extent, type Ground, malformed, mostGrowth } from "./malformed.ts";
import { rawRequests, sendFrames, sendRaw, strangeFrames } from "./requests.ts";

const names = ["mallory", "north", "south", "west"].map((name) => nodeId.parse(name));
const identities = names.map(() => testIdentity());
let home: string;
let server: RunningCoordinator;
/** What the server logged as its own failure. */
const failures: unknown[] = [];

beforeAll(() => {
  home = mkdtempSync(joinPath(tmpdir(), "tributary-fuzz-"));
});
afterAll(async () => {
  await server.close();
  rmSync(home, { recursive: true, force: true });
});

/** What is said here comes thousands at a time; `message-rate.test.ts` has what a node is refused for that. */
const unlimited = { most: 1_000_000, perSecond: 1_000_000 };

/** Four members, of whom mallory has everything ready but her upload. */
async function untilUpload(): Promise<{
  readonly mallory: ScriptedNode;
  readonly masked: MessageOf<"masked">;
  upload(): void;
}> {
  const long = 3_600_000;
  const deadlines = { keys: long, shares: long, uploadOffset: 100, masked: long, consistency: long, unmask: long, grace: 5000 };
  const plan = testPlan(home, { deadlines });
  const log = logTo((entry) => {
    if (Number(entry["level"]) >= 50) failures.push(entry);
  });
  server = await startCoordinator({ home, plan, catalogue, port: 0, startWhen: 4, log, nodeMessages: unlimited });
  const nodes = names.map((node, place) => scriptedNode(plan, node, identities[place] ?? testIdentity(), () => identities));
  for (const { node, who } of nodes) {
    const { invite } = await createInvite(home, { node, url: server.url, hours: 1 });
    await join(invite, who);
  }
  const [mallory] = nodes;
  if (mallory === undefined) throw new Error("no nodes");
  const reached = Promise.withResolvers<MessageOf<"masked">>();
  const free = Promise.withResolvers<void>();
  mallory.beforeUpload = (message) => {
    reached.resolve(message);
    return free.promise;
  };
  for (const node of nodes) await node.connect(server.url);
  return { mallory, masked: await reached.promise, upload: free.resolve };
}

/** What mallory can say over her own connection in this phase, in vain. */
function ground({ who, node }: ScriptedNode, masked: MessageOf<"masked">): Ground {
  const { signature: _, ...unsigned } = masked;
  const say = (step: Message["step"], body: object) => signDocument(who, { ...unsigned, step, body });
  const { h1 } = masked.body;
  const hash = "5".repeat(64);
  const key = (digit: string) => digit.repeat(64);
  const envelopes = names.filter((name) => name !== node).map((to) => ({ to, nonce: "0".repeat(48), box: "00" }));
  return {
    base: masked,
    sign: (changes) => signDocument(who, { ...unsigned, ...changes }),
    otherSender: "TRB_COORDINATOR_OTHER_SENDER",
    misplaced: [
      { payload: masked, codes: ["TRB_ROUND_STEP_UNEXPECTED"] },
      { payload: say("masked", { ...masked.body, length: 1 }), codes: ["TRB_ROUND_STEP_UNEXPECTED"] },
      {
        payload: say("advert", {
          maskKey: key("1"),
          encryptionKey: key("2"),
          seedCommitment: hash,
          head: { entries: 1, hash, signature: "0".repeat(128) },
        }),
        codes: ["TRB_SECAGG_SECOND_MESSAGE"],
      },
      { payload: say("shares", { h1, envelopes }), codes: ["TRB_SECAGG_SECOND_MESSAGE"] },
      { payload: say("shares", { h1, envelopes: [] }), codes: ["TRB_SECAGG_SECOND_MESSAGE"] },
      {
        payload: say("vote", { h1, choice: { for: "survivors", sharers: names, survivors: names } }),
        codes: ["TRB_ROUND_STEP_UNEXPECTED"],
      },
      { payload: say("vote", { h1: hash, choice: { for: "abort" } }), codes: ["TRB_SECAGG_VOTE_INVALID"] },
      { payload: say("vote", { h1, choice: { for: "both" } }), codes: ["TRB_MESSAGE_INVALID"] },
      { payload: say("unmaskShares", { h1, ownMask: [], maskKey: [] }), codes: ["TRB_ROUND_NOT_INVITED"] },
      { payload: say("offer", { release: 0, head: hash }), codes: ["TRB_ROUND_SENDER_UNEXPECTED"] },
      { payload: say("survivors", { h1, survivors: names }), codes: ["TRB_ROUND_SENDER_UNEXPECTED"] },
      { payload: say("result", { entry: "{}" }), codes: ["TRB_ROUND_SENDER_UNEXPECTED"] },
      { payload: say("abort", { code: "TRB_X", entry: "{}" }), codes: ["TRB_ROUND_SENDER_UNEXPECTED"] },
    ],
  };
}

test("refuses each by its code, without 500 or growth, and releases the round with all of its members", async () => {
  const { mallory, masked, upload } = await untilUpload();
  const second = await connect(server.url, "test", mallory.node, mallory.who); // takes the place of her first connection
  expect(second.answer.error).toBeUndefined();
  const before = process.memoryUsage().rss;
  const kinds = new Set<string>();

  const ask = (payload: unknown) => new Promise<Answer>((resolve) => second.socket.emit("message", payload, resolve));
  const messages = malformed(ground(mallory, masked));
  await fc.assert(
    fc.asyncProperty(messages, async ({ kind, payload, codes }) => {
      kinds.add(kind);
      const { error } = await ask(payload);
      if (!codes.includes(error?.code ?? "accepted")) throw new Error(`${kind}: ${error?.code ?? "accepted"}`);
    }),
    extent(4_000),
  );
  expect(kinds.size).toBe(22);

  const asked = new Set<string>();
  const answered = new Set<string>();
  await fc.assert(
    fc.asyncProperty(rawRequests, async ({ kind, octets, codes, mayHangUp = false }) => {
      asked.add(kind);
      const { status, code } = await sendRaw(server.port, octets);
      if (code === "TRB_COORDINATOR_RATE_LIMITED") return; // thousands come within a minute
      answered.add(kind);
      if (status === 0 && mayHangUp) return;
      if (status >= 500 || !codes.includes(code ?? "nothing")) throw new Error(`${kind}: ${status} ${code}`);
    }),
    extent(800),
  );
  expect(answered).toEqual(asked);
  await fc.assert(
    fc.asyncProperty(fc.array(strangeFrames, { minLength: 1, maxLength: 4 }), (frames) => sendFrames(server.url, frames)),
    extent(200),
  );
  expect(process.memoryUsage().rss - before).toBeLessThan(mostGrowth);
  expect(failures).toEqual([]);

  second.socket.disconnect();
  await mallory.connect(server.url);
  upload();
  await until("both rounds are released", async () => (await readStatus(home)).finished, 60_000);
  const ledger = new Uint8Array(readFileSync(joinPath(home, "ledger.jsonl")));
  const verdict = verifyLedger(ledger, { crypto: nodeCrypto() });
  expect(verdict).toMatchObject({ verified: true, complete: true, rounds: { released: 2, abortedCharged: 0 } });
  const [, round] = new TextDecoder().decode(ledger).split("\n");
  expect(JSON.parse(round ?? "").survivors).toEqual(names);
}, 1_200_000);
