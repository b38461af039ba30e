/** Group commit: whatever waits is written once, in order, before anything is said; and it makes no difference to any party. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isTributaryError } from "@tributary/errors";
import {
  type Context,
  type CoordinatorEvent,
  type CoordinatorState,
  createCoordinator,
  createNode,
  decodeCoordinatorState,
  encodeCoordinatorState,
  genesisEntry,
  type NodeEvent,
  type NodeState,
  stepCoordinator,
  stepNode,
} from "@tributary/federation";
import {
  fingerprintOf,
  type Message,
  type NodeId,
  nodeId,
  type RosterMember,
  type Sha256,
  signMember,
} from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import fc from "fast-check";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { coordinatorIdentity } from "../home/identity.ts";
import { homeLayout, makeFolders } from "../home/layout.ts";
import { dimension, testIdentity, testPlan } from "../scripted-node.test-support.ts";
import { openBlobs, sha256Of } from "../storage/blobs.ts";
import { openLedgerFile } from "../storage/ledger-file.ts";
import { openObjects } from "../storage/objects.ts";
import { openStoreOf } from "../storage/open-store.ts";
import type { LedgerLine, Store } from "../storage/store.ts";
import { openUploads } from "../storage/uploads.ts";
import { type Engine, startEngine, withShares } from "./engine.ts";

const crypto = nodeCrypto();
const names = ["east", "north", "south", "west"].map((name) => nodeId.parse(name));
const hash = (text: string): Sha256 => sha256Of(new TextEncoder().encode(text));

/** Of the property's examples; another one finds others. */
const seed = 20261130;

let folder: string;
let founded: CoordinatorState;
let genesis: LedgerLine;
let roster: RosterMember[];
let context: () => Context;
/** What a federation of two rounds told its coordinator, in one order in which it could. */
let heard: readonly CoordinatorEvent[];

/** SHA-256 in counter mode over the label. */
function seeded(label: string): ReturnType<Context["random"]> {
  let counter = 0;
  return {
    fill(out) {
      for (let done = 0; done < out.length; counter += 1) {
        const block = crypto.sha256(new TextEncoder().encode(`${label} ${counter}`));
        out.set(block.subarray(0, out.length - done), done);
        done += block.length;
      }
    },
  };
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tributary-engine-"));
  const home = join(folder, "keys");
  makeFolders(homeLayout(home));
  const plan = testPlan(home);
  const { sign } = coordinatorIdentity(home);
  const contextOf = (name: string, signer: Context["sign"]): Context => ({
    ...{ crypto, sign: signer, now: "2026-01-01T00:00:00.000Z", software: hash("software") },
    random: (round, purpose) => seeded(`${name} ${round} ${purpose}`),
  });
  context = () => contextOf("coordinator", sign);
  const members = names.map((node) => ({ node, who: testIdentity() }));
  roster = members.map(({ node, who }) => signMember(who, plan.federation, { node, key: who.key, kind: "merchant" }));
  const { entry, line, head } = genesisEntry({ plan, roster }, context());
  genesis = { entry, line, hash: head.hash };
  founded = createCoordinator({ genesis: entry, head });
  const policy = {
    ...{ maxEpsilon: plan.epsilon, delta: plan.delta, minCohort: plan.minCohort, releases: ["training" as const] },
    trustedPeers: members.map(({ who }) => fingerprintOf(crypto, who.key)),
  };
  heard = rehearse(
    members.map(({ node, who }) => ({
      ...{ node, context: contextOf(node, who.sign) },
      state: createNode({ self: node, genesis: entry, head, policy }),
    })),
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs both reducers against each other without any shell, one event at a time. */
function rehearse(
  nodes: { readonly node: NodeId; readonly context: Context; state: NodeState }[],
): readonly CoordinatorEvent[] {
  const start: CoordinatorEvent = { type: "start", online: names };
  const events: CoordinatorEvent[] = [];
  const waiting: (CoordinatorEvent | { readonly to: NodeId; readonly event: NodeEvent })[] = [start];
  let state = founded;
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    if ("to" in next) {
      const { to, event } = next;
      const party = nodes.find(({ node }) => node === to);
      if (party === undefined) throw new Error(`no node ${to}`);
      const step = stepNode(party.state, event, party.context);
      party.state = step.state;
      for (const effect of step.effects) {
        if (effect.type === "send") waiting.push({ type: "message", message: effect.message });
        if (effect.type === "startTraining") {
          const vector = new Uint32Array(dimension).fill(effect.round);
          waiting.push({ to, event: { type: "trained", round: effect.round, vector } });
        }
        if (effect.type === "upload") {
          const { message } = effect;
          waiting.push({ type: "uploaded", message }, { to, event: { type: "uploaded", round: message.round } });
        }
      }
      continue;
    }
    events.push(next);
    const step = stepCoordinator(state, next, context());
    state = step.state;
    for (const effect of step.effects) {
      if (effect.type === "send") {
        for (const to of effect.to) waiting.push({ to, event: { type: "message", message: effect.message } });
      }
      const round = "round" in effect ? effect.round : 0;
      if (effect.type === "sum") waiting.push({ type: "summed", round, sumHash: hash(`sum ${round}`) });
      if (effect.type === "apply") {
        waiting.push({ type: "applied", round, modelHash: hash(`model ${round}`), optimiserHash: hash(`optimiser ${round}`) });
      }
      if (effect.type === "roundEnded") waiting.push(start);
    }
  }
  expect(state.closed).toBe(true);
  expect(state.completed).toBe(2);
  return events;
}

interface Shell {
  readonly engine: Engine;
  readonly store: Store;
  /** Everything that was done, in order. */
  readonly done: string[];
  /** To each node, in order. */
  readonly said: Map<NodeId, Message[]>;
  readonly ledger: () => string;
  readonly failures: unknown[];
  readonly end: () => Promise<void>;
}

/** An engine over a home of its own; work that takes a thread is only noted, its results are among the events. */
async function shell(persist: (write: Store["persist"]) => Store["persist"] = (write) => write): Promise<Shell> {
  const layout = homeLayout(mkdtempSync(join(folder, "home-")));
  makeFolders(layout);
  const store = await openStoreOf({ layout, create: true });
  const fence = await store.takeLeadership("this one");
  for (const [place, member] of roster.entries()) {
    await store.addInvite({ tokenHash: `${place}`, node: member.node, expires: "2999-01-01T00:00:00.000Z" });
    await store.admit(`${place}`, member);
  }
  await store.persist({ state: encodeCoordinatorState(founded), entries: [genesis], fence });
  const objects = await openObjects(layout.home);
  const ledgerFile = openLedgerFile(layout.ledger, await store.ledgerLines(0));
  const done: string[] = [];
  const said = new Map<NodeId, Message[]>(names.map((name) => [name, []]));
  const failures: unknown[] = [];
  const write = persist(store.persist);
  const engine = startEngine(founded, {
    ...{ fence, blobs: openBlobs(objects), uploads: openUploads(objects, layout.staging), ledgerFile, context },
    ...{ traffic: { total: () => ({ bytesIn: 0, bytesOut: 0 }) }, log: pino({ level: "silent" }) },
    store: {
      async persist(what) {
        done.push(`writes ${what.entries?.length ?? 0}`);
        await write(what);
        done.push("wrote");
      },
    },
    work: {
      run({ effect }) {
        done.push(effect.type);
        return new Promise(() => {});
      },
    },
    send(to, message) {
      done.push(message.step);
      for (const node of to) said.get(node)?.push(message);
    },
    ledgerGrew: (entries) => void done.push(`ledger ${entries}`),
    roundBegan: async (round) => void done.push(`began ${round}`),
    roundEnded: async (round) => void done.push(`ended ${round}`),
    finished: () => void done.push("finished"),
    fenced: () => void done.push("fenced"),
    broken(error) {
      done.push("broken");
      failures.push(error);
    },
  });
  const end = async () => {
    await engine.stop();
    ledgerFile.close();
    await objects.close();
    await store.close();
  };
  return { engine, store, done, said, ledger: () => readFileSync(layout.ledger, "utf8"), failures, end };
}

const outcome = (answer: Promise<void>) =>
  answer.then(
    () => "done",
    (error: unknown) => (isTributaryError(error) ? error.code : `${error}`),
  );

test("events that wait are written together, before anything is said; a refused one in the middle changes nothing", async () => {
  const { engine, done, said, end } = await shell();
  const [start, ...rest] = heard;
  if (start === undefined) throw new Error("nothing was heard");
  await engine.put(start);
  expect(done).toEqual(["writes 0", "wrote", "began 1", "offer"]);
  done.length = 0;

  const adverts = rest.slice(0, names.length);
  const events = [...adverts.slice(0, 2), pause, ...adverts.slice(2)];
  const answers = await Promise.all(events.map((event) => outcome(engine.put(event))));
  expect(answers).toEqual(["done", "done", "TRB_ROUND_IN_PROGRESS", "done", "done"]);
  expect(done).toEqual(["writes 0", "wrote", "adverts"]);
  expect([...said.values()].map((messages) => messages.map(({ step }) => step))).toEqual(names.map(() => ["offer", "adverts"]));
  await end();
});

test("what arrives while something is written waits for the next write; a stop lets what is under way come to its end", async () => {
  const gate = Promise.withResolvers<void>();
  const { engine, done, store, end } = await shell((write) => async (what) => {
    await gate.promise;
    await write(what);
  });
  const [start, first, second] = heard;
  if (start === undefined || first === undefined || second === undefined) throw new Error("nothing was heard");
  const offered = outcome(engine.put(start));
  await vi.waitFor(() => expect(done).toEqual(["writes 0"]));
  const adverts = [outcome(engine.put(first)), outcome(engine.put(second))];
  expect(engine.state().round).toBeNull(); // what is not durable is nobody's business
  const stopped = engine.stop();
  gate.resolve();
  await stopped;
  expect(await offered).toBe("done");
  expect(await Promise.all(adverts)).toEqual(["TRB_COORDINATOR_STOPPING", "TRB_COORDINATOR_STOPPING"]);
  expect(await outcome(engine.put(first))).toBe("TRB_COORDINATOR_STOPPING");
  expect(done).toEqual(["writes 0", "wrote", "began 1", "offer"]);
  expect(decodeCoordinatorState((await store.state()) ?? "").round?.adverts).toEqual([]);
  await end();
});

test("a write that fails ends it: nothing was said, nobody hears that it was done, or that it was refused", async () => {
  const full = new Error("no space left on device");
  let works = true;
  const { engine, done, failures, store, end } = await shell((write) => (what) => (works ? write(what) : Promise.reject(full)));
  const [start, ...rest] = heard;
  if (start === undefined) throw new Error("nothing was heard");
  await engine.put(start);
  const before = await store.state();
  works = false;
  done.length = 0;
  const events = [...rest.slice(0, names.length), pause];
  const answers = await Promise.all(events.map((event) => outcome(engine.put(event))));
  expect(answers).toEqual(events.map(() => "TRB_COORDINATOR_STOPPING"));
  expect(done).toEqual(["writes 0", "broken"]);
  expect(failures).toEqual([full]);
  expect(await store.state()).toBe(before);
  await end();
});

test("once another one leads it writes and says nothing more", async () => {
  const { engine, done, failures, store, ledger, end } = await shell();
  await store.takeLeadership("another one");
  const before = [await store.state(), ledger()];
  expect(await Promise.all([pause, ...heard.slice(0, 3)].map((event) => outcome(engine.put(event))))).toEqual(
    Array.from({ length: 4 }, () => "TRB_COORDINATOR_STOPPING"),
  );
  expect(done).toEqual(["writes 1", "fenced"]);
  expect(failures).toEqual([]);
  expect([await store.state(), ledger()]).toEqual(before);
  await end();
});

/** What the same events lead to when each is carried out by itself, without any shell. */
function oneByOne(events: readonly CoordinatorEvent[]) {
  const said = new Map<NodeId, Message[]>(names.map((name) => [name, []]));
  const [lines, outcomes, done]: [string[], string[], string[]] = [[genesis.line], [], []];
  let state = founded;
  for (const event of events) {
    try {
      const step = stepCoordinator(state, event, context());
      state = step.state;
      for (const effect of step.effects) {
        if (effect.type === "persist" && effect.entry) lines.push(effect.entry.line);
        if (effect.type === "send") {
          if (effect.message.step === "offer") done.push(`began ${effect.message.round}`);
          done.push(effect.message.step);
          for (const to of effect.to) said.get(to)?.push(effect.message);
        }
        if (effect.type === "roundEnded") done.push(`ended ${effect.round}`);
        if (effect.type === "finished") done.push("finished");
      }
      outcomes.push("done");
    } catch (error) {
      if (!isTributaryError(error)) throw error;
      outcomes.push(error.code);
    }
  }
  return { state, said, lines, outcomes, done };
}

const pause: CoordinatorEvent = { type: "note", note: { kind: "operator", action: "pause", operator: "us", reason: "" } };
const resume: CoordinatorEvent = { type: "note", note: { kind: "operator", action: "resume", operator: "us", reason: "" } };

/** Comes in between: once more, too late, too early, or about something else. */
const disturbance = fc.oneof(
  fc.record({ again: fc.nat() }),
  fc.constantFrom<CoordinatorEvent>(pause, resume, { type: "restarted" }, { type: "start", online: names }),
  fc.constantFrom(...names).map((node): CoordinatorEvent => ({ type: "connected", node })),
  fc
    .constantFrom("keys", "shares", "masked", "consistency", "unmask")
    .map((phase): CoordinatorEvent => ({ type: "deadline", round: 1, phase })),
);

test("however events are grouped, states, ledger, answers and messages are those of one after the other", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(), disturbance), { maxLength: 12 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 90 })),
      async (disturbances, sizes) => {
        const events = [...heard];
        for (const [at, what] of disturbances) {
          const event = "again" in what ? heard[what.again % heard.length] : what;
          if (event !== undefined) events.splice(at % (events.length + 1), 0, event);
        }
        const twin = oneByOne(events);
        const { engine, done, said, store, ledger, end } = await shell();
        try {
          const outcomes: string[] = [];
          for (let from = 0; from < events.length; ) {
            const together = events.slice(from, from + sizes.next().value);
            from += together.length;
            outcomes.push(...(await Promise.all(together.map((event) => outcome(engine.put(event))))));
          }
          expect(outcomes).toEqual(twin.outcomes);
          expect(engine.state()).toEqual(twin.state);
          const kept = withShares(
            decodeCoordinatorState((await store.state()) ?? ""),
            JSON.parse((await store.shares()) ?? "[]"),
          );
          expect(kept).toEqual(decodeCoordinatorState(encodeCoordinatorState(twin.state)));
          expect(await store.ledgerLines(0)).toEqual(twin.lines);
          expect(ledger()).toBe(twin.lines.map((line) => `${line}\n`).join(""));
          expect(said).toEqual(twin.said);
          const told = done.filter((what) => !/^(writes|wrote|ledger|sum$|apply$)/.test(what));
          expect(told).toEqual(twin.done);
          expect(done.filter((what) => what.startsWith("writes")).length).toBe(done.filter((what) => what === "wrote").length);
        } finally {
          await end();
        }
      },
    ),
    { numRuns: 15, seed },
  );
}, 60_000);
