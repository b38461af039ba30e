/**
 * The graph as such, and what it is for: on circles drawn at random, small enough that the bad events do happen, they happen as often as the
 * bounds of `neighbourhood.ts` say at most.
 */

import { readFileSync } from "node:fs";
import type { Decimal, NodeId, Sha256 } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { describe, expect, test } from "vitest";
import { neighbourhoodOf } from "../cohort.ts";
import { graphCommitment, graphSeed, graphSource } from "./commitment.ts";
import { boundsOf, smallestNeighbourhood } from "./neighbourhood.ts";
import { drawRing, neighboursOf, type Ring } from "./ring.ts";
import { fullGraph, ringGraph, shareGraphOf } from "./share-graph.ts";

const crypto = nodeCrypto();
const hash = (digit: string) => digit.repeat(64) as Sha256;
const binding = { planHash: hash("1"), modelHash: hash("2"), round: 3, h1: hash("3") };
const sourceOf = (label: string) => graphSource(crypto, graphSeed(crypto, binding, [label]), 3);

describe("a ring", () => {
  test("joins everyone to k others, both ways, and never to itself", () => {
    for (const [size, neighbours] of [
      [3, 2],
      [7, 6],
      [160, 58],
      [151, 150],
    ] as const) {
      const ring = drawRing(size, sourceOf(`ring ${size}`));
      const all = Array.from({ length: size }, (_, i) => neighboursOf(ring, i, neighbours));
      for (const [member, others] of all.entries()) {
        expect(new Set(others).size).toBe(neighbours);
        expect(others).toEqual(others.toSorted((a, b) => a - b));
        expect(others.includes(member)).toBe(false);
        expect(others.every((other) => all[other]?.includes(member))).toBe(true);
      }
    }
  });

  test("is drawn with words below the last whole multiple only: of three places 2³² − 1 is thrown away, and 2³² − 2 is not", () => {
    const words = (list: readonly number[]) => {
      const bytes = new Uint8Array(Uint32Array.from(list).buffer);
      let at = 0;
      return {
        fill: (out: Uint8Array) => {
          out.set(bytes.subarray(at, at + out.length));
          at += out.length;
        },
      };
    };
    // the last of three changes places with word mod 3, then the second with word mod 2
    expect([...drawRing(3, words([2 ** 32 - 1, 1, 1])).order]).toEqual([0, 2, 1]);
    expect([...drawRing(3, words([2 ** 32 - 2, 1])).order]).toEqual([0, 1, 2]);
    expect([...drawRing(3, words([3, 0])).order]).toEqual([1, 2, 0]);
  });

  test("of another size than its neighbours allow is refused", () => {
    const ring = drawRing(6, sourceOf("small"));
    for (const [member, neighbours] of [
      [0, 6],
      [0, 3],
      [0, 0],
      [6, 2],
    ] as const) {
      expect(() => neighboursOf(ring, member, neighbours)).toThrow(
        expect.objectContaining({ code: "TRB_SECAGG_GRAPH_IMPOSSIBLE" }),
      );
    }
  });

  test("is uniform over all orders: χ² of 24 orders over 24 000 draws (false alarm below 1e-9 at 92.5)", () => {
    const counts = new Map<string, number>();
    const source = sourceOf("uniform");
    for (let i = 0; i < 24_000; i++) {
      const order = drawRing(4, source).order.join();
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    const chi2 = [...counts.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    expect(chi2).toBeLessThan(92.5);
  });
});

/** Whether the members that are kept hang together. */
function connected(ring: Ring, neighbours: number, kept: ReadonlySet<number>): boolean {
  const [first] = kept;
  if (first === undefined) return true;
  const reached = new Set([first]);
  for (const member of reached)
    for (const next of neighboursOf(ring, member, neighbours)) if (kept.has(next)) reached.add(next);
  return reached.size === kept.size;
}

describe("on circles small enough for it to happen", () => {
  test("survivors fall apart no oftener than two gaps do (4000 draws; false alarm below 1e-9: Hoeffding's 0.051)", () => {
    const source = sourceOf("apart");
    const draws = 4000;
    for (const [nodes, removed, neighbours] of [
      [12, 6, 4],
      [16, 8, 6],
      [20, 13, 8],
    ] as const) {
      let apart = 0;
      for (let i = 0; i < draws; i++) {
        const ring = drawRing(nodes, source);
        const kept = new Set(Array.from({ length: nodes - removed }, (_, member) => removed + member));
        if (!connected(ring, neighbours, kept)) apart++;
      }
      const request = { nodes, corrupt: 0, dropouts: 0, mostMissing: removed };
      const bound = 2 ** boundsOf(request, { neighbours, threshold: 1 }).apart;
      expect(apart).toBeGreaterThan(0);
      expect(apart / draws).toBeLessThan(bound + 0.051);
    }
  });

  test("whoever chooses the dropouts can't cut survivors apart while everyone has t neighbours left and no half holds t − k/2 corrupt ones", () => {
    const source = sourceOf("cut");
    const [nodes, corrupt, neighbours] = [14, 3, 6];
    let tried = 0;
    let cuts = 0;
    for (let draw = 0; draw < 12; draw++) {
      const ring = drawRing(nodes, source);
      const isCorrupt = (member: number) => member < corrupt;
      const half = neighbours / 2;
      const before = (member: number) =>
        Array.from({ length: half }, (_, i) => ring.order[((ring.places[member] ?? 0) + nodes - 1 - i) % nodes] ?? 0);
      const worst = Math.max(...Array.from({ length: nodes }, (_, member) => before(member).filter(isCorrupt).length));
      // every set of survivors that there is
      for (let set = 0; set < 1 << (nodes - corrupt); set++) {
        const honest = Array.from({ length: nodes - corrupt }, (_, i) => corrupt + i).filter((_, i) => (set >> i) & 1);
        const survivors = new Set([...Array.from({ length: corrupt }, (_, i) => i), ...honest]);
        const holders = honest.map(
          (member) => neighboursOf(ring, member, neighbours).filter((one) => survivors.has(one)).length,
        );
        const fewest = Math.min(...holders, neighbours);
        if (!connected(ring, neighbours, new Set(honest))) {
          cuts++;
          // t as large as everyone's check lets pass: then some half holds t − k/2 corrupt ones
          expect(worst).toBeGreaterThanOrEqual(fewest - half);
        }
        tried++;
      }
    }
    expect(tried).toBe(12 * 2 ** (nodes - corrupt));
    expect(cuts).toBeGreaterThan(100);
  });
});

test("a graph of shares says the same of everybody from both ends, and nothing of strangers", () => {
  const cohort = Array.from({ length: 9 }, (_, i) => `n${i}`) as NodeId[];
  const graph = ringGraph(cohort, { neighbours: 4, threshold: 3 }, sourceOf("shares"));
  for (const node of cohort) {
    expect(graph.holders(node)).toEqual(graph.peers(node));
    expect(new Set(graph.peers(node)).size).toBe(4);
    for (const peer of graph.peers(node)) expect(graph.peers(peer)).toContain(node);
  }
  expect(graph.peers("n99" as NodeId)).toEqual([]);
  const full = fullGraph(cohort, 2);
  expect(full.threshold).toBe(6);
  expect(full.peers("n3" as NodeId)).toEqual(cohort.filter((node) => node !== "n3"));
  expect(full.holders("n3" as NodeId)).toEqual(cohort);
});

describe("the graph of a round", () => {
  const cohort = (size: number) => Array.from({ length: size }, (_, i) => `n${String(i).padStart(3, "0")}`) as NodeId[];
  const rules = { minCohort: 3, maxCorrupt: 2 };
  const plan = { minCohort: 110, maxCorrupt: 30, graph: { dropoutRate: "0.1" as Decimal, dropouts: "independent" as const } };

  test("is everybody with everybody up to 150 nodes, and where the plan knows no other", () => {
    for (const [rule, size] of [
      [rules, 9],
      [plan, 150],
      [rules, 160],
    ] as const) {
      const members = cohort(size);
      const graph = shareGraphOf(crypto, rule, members, hash("a"), 3);
      expect(graph.threshold).toBe(Math.floor((size + rule.maxCorrupt) / 2) + 1);
      expect(graph.peers(members[4] as NodeId)).toEqual(members.filter((_, place) => place !== 4));
    }
  });

  test("is a ring above, of neighbours that the plan gives, drawn from the seed; none as long as there is no seed", () => {
    const members = cohort(160);
    const expected = neighbourhoodOf(160, plan);
    const graphs = ["a", "b", "c", "d", "e", "f", "a"].map((digit) => shareGraphOf(crypto, plan, members, hash(digit), 3));
    for (const [i, digit] of ["a", "b", "c", "d", "e", "f", "a"].entries()) {
      const drawn = ringGraph(members, expected, graphSource(crypto, hash(digit), 3));
      expect(graphs[i]?.threshold).toBe(expected.threshold);
      for (const node of members.slice(0, 20)) expect(graphs[i]?.peers(node)).toEqual(drawn.peers(node));
    }
    expect(expected.neighbours).toBeLessThan(159);
    expect(() => shareGraphOf(crypto, plan, members, null, 3)).toThrow(
      expect.objectContaining({ code: "TRB_SECAGG_GRAPH_IMPOSSIBLE" }),
    );
  });
});

describe("randomness", () => {
  const node = "a" as NodeId;
  test("that is committed to is bound to node, round and plan", () => {
    const commitments = [
      graphCommitment(crypto, binding, node, "00"),
      graphCommitment(crypto, binding, "b" as NodeId, "00"),
      graphCommitment(crypto, { ...binding, round: 4 }, node, "00"),
      graphCommitment(crypto, { ...binding, planHash: hash("4") }, node, "00"),
      graphCommitment(crypto, binding, node, "01"),
    ];
    expect(new Set(commitments).size).toBe(commitments.length);
  });

  test("gives another graph when any reveal, their order, h₁, plan, model or round is another", () => {
    const seeds = [
      graphSeed(crypto, binding, ["00", "01"]),
      graphSeed(crypto, binding, ["01", "00"]),
      graphSeed(crypto, binding, ["00", "02"]),
      ...(["planHash", "modelHash", "h1"] as const).map((field) =>
        graphSeed(crypto, { ...binding, [field]: hash("5") }, ["00", "01"]),
      ),
      graphSeed(crypto, { ...binding, round: 4 }, ["00", "01"]),
    ];
    expect(new Set(seeds).size).toBe(seeds.length);
  });
});

test("docs/protocol.md states a commitment, a seed and a ring that come out so", () => {
  const page = readFileSync(new URL("../../../../docs/protocol.md", import.meta.url), "utf8");
  const stated = (name: string) => new RegExp(`^${name} +(\\S+)`, "m").exec(page)?.[1];
  const [mine, theirs] = ["0a".repeat(32), "0b".repeat(32)];
  expect(graphCommitment(crypto, binding, "shop-1" as NodeId, mine)).toBe(stated("graph commitment"));
  const seed = graphSeed(crypto, binding, [mine, theirs]);
  expect(seed).toBe(stated("graph seed"));
  expect(drawRing(12, graphSource(crypto, seed, 3)).order.join()).toBe(stated("ring of 12"));
});

test("docs/protocol.md's table of neighbourhoods is what plans with the defaults have", () => {
  const page = readFileSync(new URL("../../../../docs/protocol.md", import.meta.url), "utf8");
  const rows = [...page.matchAll(/^\| (\d[\d ]*\d) +\| ([\d/ |]+) \|$/gm)];
  expect(rows.length).toBe(4);
  for (const [, size = "", cells = ""] of rows) {
    const nodes = Number(size.replaceAll(" ", ""));
    const quarter = Math.floor((nodes - 1) / 4);
    const [tenth, third] = [Math.floor(nodes / 10), Math.floor((nodes - 1) / 3)];
    const of = (corrupt: number, chosen: boolean) => {
      const least = Math.max(Math.floor((nodes + corrupt) / 2) + 1, Math.ceil((2 * nodes) / 3));
      const request = { nodes, corrupt, dropouts: Math.ceil(nodes / 10), mostMissing: nodes - least, chosen };
      const { neighbours, threshold } = smallestNeighbourhood(request) ?? { neighbours: 0, threshold: 0 };
      return `${neighbours}/${threshold}`;
    };
    const expected = [of(quarter, false), of(tenth, false), of(third, false), of(quarter, true), of(tenth, true)];
    expect(cells.split("|").map((cell) => cell.trim())).toEqual(expected);
  }
});
