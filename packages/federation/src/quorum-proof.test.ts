/** What makes a vote one, and whose hold a secret that nobody else does. */
import { hashOf, type MessageOf, type NodeId } from "@tributary/protocol";
import type { ShareGraph } from "@tributary/secagg";
import { expect, test } from "vitest";
import { createWorld, nodeContext, nodeName, nodeOf, noFaults, run } from "./harness.test-support.ts";
import { forge } from "./lies.test-support.ts";
import { crypto, hash } from "./parties.test-support.ts";
import { countVotes, rebuildVote, requireVote } from "./quorum-proof.ts";
import { fewestHolders, sharersNamed } from "./round-graph.ts";

test("a vote is for its plan, round, version, model, h₁ and choice, from the cohort, signed by who casts it", async () => {
  const world = createWorld({ rounds: 1 });
  const id = nodeName(1);
  while (nodeOf(world, id).state.round?.vote == null) await run(world, noFaults, 1);
  const { state } = nodeOf(world, id);
  const { round } = state;
  if (round?.vote == null || round.h1 === null) throw new Error("no vote");
  const { vote, h1, modelHash } = round;
  const { choice } = vote.body;
  const { plan, planHash, roster } = state;
  const ballot = { plan, planHash, modelHash, round: 1, version: vote.version, roster, h1, cohort: new Set(round.cohort) };
  const context = nodeContext(nodeOf(world, id));
  const answer = (changed: MessageOf<"vote">) => {
    try {
      requireVote(context, ballot, changed, choice);
    } catch (error) {
      return (error as { code?: string }).code;
    }
    return "counted";
  };
  const lies: readonly (readonly [MessageOf<"vote">, string])[] = [
    [vote, "counted"],
    [forge(vote, { federation: "another" }), "TRB_ROUND_WRONG_FEDERATION"],
    [forge(vote, { planHash: hash("another") }), "TRB_ROUND_PLAN_MISMATCHED"],
    [forge(vote, { round: 2 }), "TRB_ROUND_NOT_CURRENT"],
    [forge(vote, { version: "1.9" }), "TRB_ROUND_VERSION_UNKNOWN"],
    [forge(vote, { modelHash: hash("another") }), "TRB_ROUND_MODEL_MISMATCHED"],
    [forge(vote, { sender: "node-z" }, {}, "node-z"), "TRB_SECAGG_VOTE_FROM_OUTSIDE"],
    [forge(vote, {}, { h1: hash("another") }), "TRB_SECAGG_VOTE_INVALID"],
    [forge(vote, {}, { choice: { for: "abort" } }), "TRB_SECAGG_VOTE_INVALID"],
    [forge(vote, {}, {}, nodeName(2)), "TRB_ROUND_SIGNATURE_INVALID"],
  ];
  for (const [changed, code] of lies) expect(answer(changed)).toBe(code);
  // and is rebuilt from its signature alone
  expect(rebuildVote(ballot, { node: id, signature: vote.signature }, choice)).toEqual(vote);
  expect(countVotes(context, ballot, [vote, vote], choice)).toBe(1);
});

test("a secret of which fewer holders are left than it takes is found, whichever node's it is", () => {
  const nodes = [0, 1, 2, 3].map(nodeName);
  const [a, b, c, d] = nodes as [NodeId, NodeId, NodeId, NodeId];
  // a ring: each is held by itself and its two neighbours
  const held: Readonly<Record<NodeId, readonly NodeId[]>> = { [a]: [d, a, b], [b]: [a, b, c], [c]: [b, c, d], [d]: [c, d, a] };
  const graph = { threshold: 2, holders: (node: NodeId) => held[node] ?? [] } as unknown as ShareGraph;
  expect(fewestHolders(graph, nodes, nodes)).toBeUndefined();
  expect(fewestHolders(graph, nodes, [a, b, c])).toBeUndefined(); // two of each are left
  expect(fewestHolders(graph, nodes, [a, b])).toEqual({ node: c, holders: 1 });
  expect(fewestHolders(graph, [a, b], [a, b])).toBeUndefined();
  expect(fewestHolders(graph, nodes, [])).toEqual({ node: a, holders: 0 });
});

test("who shared is named where the round has a graph, by the hash of the list, and nowhere else", () => {
  const graph = { dropoutRate: "0.1", dropouts: "independent" } as never;
  const cohort = Array.from({ length: 151 }, (_, i) => nodeName(i));
  const sharers = cohort.slice(3);
  expect(sharersNamed({ graph }, { cohort, sharers }, { crypto })).toEqual({ sharersHash: hashOf(crypto, sharers) });
  expect(sharersNamed({ graph }, { cohort: cohort.slice(1), sharers }, { crypto })).toEqual({});
  expect(sharersNamed({}, { cohort, sharers }, { crypto })).toEqual({});
});
