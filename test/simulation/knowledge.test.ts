/** The adversary's arithmetic, by hand: what it can learn, and what it can't, from so many shares and these masked vectors. */
import type { MessageOf, NodeId, Sha256 } from "@tributary/protocol";
import { describe, expect, test } from "vitest";
import { agreementKeyOf, seedCommitment, splitSecretAt, uniformSeed } from "../../packages/secagg/src/index.ts";
import { rememberingCrypto } from "./crypto.ts";
import { type CohortView, createKnowledge } from "./knowledge.ts";
import { stream } from "./randomness.ts";

const crypto = rememberingCrypto();
const hash = (digit: string) => digit.repeat(64) as Sha256;
const cohort = ["a", "b", "c", "d"].map((id) => id as NodeId);
const [a, b, c, d] = cohort as [NodeId, NodeId, NodeId, NodeId];
const threshold = 3;

/** Each node's secrets, advert and shares for everybody. */
const parties = new Map(
  cohort.map((id) => {
    const random = stream(`knowledge ${id}`);
    const [mask, seed] = [uniformSeed(random), uniformSeed(random)];
    const points = cohort.map((_, place) => place + 1);
    const body = {
      maskKey: agreementKeyOf(crypto, mask),
      encryptionKey: agreementKeyOf(crypto, uniformSeed(random)),
      seedCommitment: seedCommitment(crypto, seed),
    };
    const shares = {
      ownMask: splitSecretAt(seed, threshold, points, random),
      maskKey: splitSecretAt(mask, threshold, points, random),
    };
    return [id, { advert: { sender: id, body } as MessageOf<"advert">, shares }] as const;
  }),
);
const adverts = [...parties.values()].map(({ advert }) => advert);
const viewOf = (node: NodeId, h1 = hash("3")): CohortView => ({
  ...{ node, round: 1, planHash: hash("1"), modelHash: hash("2"), h1, cohort, adverts },
});

/** This holder's share of a secret of each of these nodes, as it would release it. */
function sharesOf(holder: NodeId, kind: "ownMask" | "maskKey", nodes: readonly NodeId[]): MessageOf<"unmaskShares"> {
  const place = cohort.indexOf(holder);
  const list = nodes.map((node) => ({ node, share: parties.get(node)?.shares[kind][place] ?? "" }));
  return { body: { h1: hash("3"), ownMask: [], maskKey: [], [kind]: list } } as unknown as MessageOf<"unmaskShares">;
}

/** d is corrupt; all four have uploaded for all four. */
function uploaded() {
  const knowledge = createKnowledge(crypto);
  knowledge.holdMaskKey(parties.get(d)?.advert.body.maskKey ?? "");
  for (const node of [a, b, c]) knowledge.uploaded(viewOf(node), cohort);
  return knowledge;
}

describe("with all masked vectors, and d corrupt,", () => {
  test("nothing is learnt from fewer than t shares of a seed, and the sum of all honest nodes from t", () => {
    const knowledge = uploaded();
    for (const holder of [a, b]) knowledge.released(viewOf(holder), sharesOf(holder, "ownMask", cohort));
    expect(knowledge.learnable(1)).toEqual([]);
    knowledge.released(viewOf(b), sharesOf(b, "ownMask", cohort)); // the same share again is no other
    expect(knowledge.learnable(1)).toEqual([]);
    knowledge.released(viewOf(d), sharesOf(d, "ownMask", cohort));
    expect(knowledge.learnable(1)).toEqual([[a, b, c]]);
  });

  test("both secrets of one node tell its vector, and what is left of the sum", () => {
    const knowledge = uploaded();
    for (const holder of [a, b, d]) {
      knowledge.released(viewOf(holder), sharesOf(holder, "ownMask", cohort));
      knowledge.released(viewOf(holder), sharesOf(holder, "maskKey", [a]));
    }
    expect(knowledge.learnable(1)).toEqual([[a], [b, c]]);
  });

  test("a mask key alone tells nothing", () => {
    const knowledge = uploaded();
    for (const holder of [a, b, c, d]) knowledge.released(viewOf(holder), sharesOf(holder, "maskKey", cohort));
    expect(knowledge.learnable(1)).toEqual([]);
  });
});

test("a pairwise mask whose other side never came hides whoever has it on", () => {
  const knowledge = createKnowledge(crypto);
  for (const node of [a, b]) knowledge.uploaded(viewOf(node), [a, b, c]);
  for (const holder of [a, b, d]) knowledge.released(viewOf(holder), sharesOf(holder, "ownMask", [a, b]));
  expect(knowledge.learnable(1)).toEqual([]);
  for (const holder of [a, b, d]) knowledge.released(viewOf(holder), sharesOf(holder, "maskKey", [c]));
  expect(knowledge.learnable(1)).toEqual([[a, b]]);
});

test("masks of two cohorts don't cancel, whoever is in both", () => {
  const knowledge = createKnowledge(crypto);
  knowledge.uploaded(viewOf(a), [a, b]);
  knowledge.uploaded(viewOf(b, hash("4")), [a, b]);
  for (const holder of [a, c, d]) knowledge.released(viewOf(holder), sharesOf(holder, "ownMask", [a, b]));
  expect(knowledge.learnable(1)).toEqual([]);
});
