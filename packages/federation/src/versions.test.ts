/**
 * Builds of different minors in one federation: everybody speaks the lowest minor of those who take part, votes and ledger included;
 * another major is refused. The newer build is a context that says so, as a shell's would.
 */
import { parseLine } from "@tributary/ledger";
import { type Message, parseMessage, protocolVersion } from "@tributary/protocol";
import { expect, test } from "vitest";
import { stepCoordinator } from "./coordinator.ts";
import {
  coordinatorContext,
  createWorld,
  nodeContext,
  nodeOf,
  noFaults,
  run,
  stepAtNode,
  type World,
} from "./harness.test-support.ts";
import { stepNode } from "./node.ts";

/** Runs to the end; says which versions were heard, of messages of a round and of news, each parsed by the build that hears it. */
async function runAll(world: World): Promise<Set<string>> {
  const heard = new Set<string>();
  for (let turns = 0; !world.finished && turns < 4000; turns++) {
    for (const { to, event } of world.queue) {
      if (event.type !== "message") continue;
      const { message } = event;
      heard.add(`${message.step === "result" ? "news" : "round"} ${message.version}`);
      parseMessage(message, world.versions[to] ?? protocolVersion);
    }
    await run(world, noFaults, 1);
  }
  return heard;
}

const onlineOf = (world: World) => world.nodes.map(({ id }) => id);

test("a round of a newer coordinator with older and newer nodes is spoken in the lowest minor", async () => {
  const world = createWorld({ rounds: 1, versions: { coordinator: "1.4", "node-a": "1.0", "node-b": "1.7" } });
  expect(await runAll(world)).toEqual(new Set(["round 1.0", "news 1.0"]));
  const entries = world.coordinator.ledger.map(parseLine);
  expect(entries.map(({ kind }) => kind)).toEqual(["genesis", "round", "closing"]);
  expect(entries[1]).not.toHaveProperty("protocol");
});

test("a round of newer builds alone is spoken in theirs, and the ledger says so; its news are for everybody", async () => {
  const parties = ["coordinator", ...onlineOf(createWorld())];
  const versions = Object.fromEntries(parties.map((party, place) => [party, `1.${4 + place}`]));
  const world = createWorld({ rounds: 1, versions });
  expect(await runAll(world)).toEqual(new Set(["round 1.4", "news 1.0"]));
  expect(parseLine(world.coordinator.ledger[1] ?? "")).toMatchObject({ kind: "round", protocol: "1.4" });
  // each took the entry in, whose votes are rebuilt in that version
  for (const node of world.nodes) expect(node.state.charges).toMatchObject([{ round: 1, standing: "final" }]);
});

test("what a build doesn't speak is refused with its code: a newer minor, and any other major", async () => {
  const world = createWorld();
  const start = { type: "start", online: onlineOf(world) } as const;
  const codeOf = (work: () => unknown) => {
    try {
      work();
    } catch (error) {
      return (error as { code?: string }).code;
    }
    return "accepted";
  };
  const context = { ...coordinatorContext(world), version: "2.0" };
  const { effects } = stepCoordinator(world.coordinator.state, start, context);
  const offer = effects.flatMap((effect): Message[] => (effect.type === "send" ? [effect.message] : []))[0];
  const party = nodeOf(world, "node-a");
  const hear = (message: Message | undefined, version: string) => {
    if (message === undefined) throw new Error("no offer");
    return codeOf(() => stepNode(party.state, { type: "message", message }, { ...nodeContext(party), version }));
  };
  expect(hear(offer, "1.0")).toBe("TRB_ROUND_VERSION_UNKNOWN");
  expect(hear(offer, "2.0")).toBe("accepted");
  expect(codeOf(() => parseMessage({ ...offer, step: "of the future" }, "1.9"))).toBe("TRB_ROUND_VERSION_UNKNOWN");
  expect(codeOf(() => stepCoordinator(world.coordinator.state, { ...start, version: "1.0" }, context))).toBe(
    "TRB_ROUND_VERSION_UNKNOWN",
  );

  const minor = stepCoordinator(world.coordinator.state, start, { ...context, version: "1.3" }).effects.flatMap(
    (effect): Message[] => (effect.type === "send" ? [effect.message] : []),
  )[0];
  expect(hear(minor, "1.2")).toBe("TRB_ROUND_VERSION_UNKNOWN");
  expect(hear(minor, "1.3")).toBe("accepted");
});

test("within a round nobody may change to another version", async () => {
  const world = createWorld();
  await run(world, noFaults, 1);
  const [delivery] = world.queue.splice(0, 1);
  if (delivery?.side !== "node") throw new Error("no offer");
  stepAtNode(world, nodeOf(world, delivery.to), delivery.event, noFaults);
  const advert = world.queue.find(({ event }) => event.type === "message" && event.message.step === "advert")?.event;
  if (advert?.type !== "message") throw new Error("no advert");
  const message = { ...advert.message, version: "1.1" };
  expect(() =>
    stepCoordinator(world.coordinator.state, { type: "message", message }, { ...coordinatorContext(world), version: "1.2" }),
  ).toThrow(expect.objectContaining({ code: "TRB_ROUND_VERSION_UNKNOWN" }));
});
