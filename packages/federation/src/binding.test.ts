/** What binds a message to its round, and lists of messages. */
import { type Message, type NodeId, protocolVersion } from "@tributary/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { requireRound, sameNodes, speak, withMessage } from "./binding.ts";
import { contextOf, hash, identity, planOf } from "./parties.test-support.ts";

const boss = identity("coordinator");
const bound = { plan: planOf(boss.key), planHash: hash("plan"), modelHash: hash("model"), round: 3 };
const message = speak(contextOf(boss, "coordinator"), bound, "coordinator", "adverts", { adverts: [] });

test("a message is of one round, one version and one model, and each of them is told by its own code", () => {
  const here = { round: 3, modelHash: hash("model"), version: protocolVersion };
  requireRound(message, here);
  for (const [change, code] of [
    [{ round: 4 }, "TRB_ROUND_NOT_CURRENT"],
    [{ round: 2 }, "TRB_ROUND_NOT_CURRENT"],
    [{ version: "1.9" }, "TRB_ROUND_VERSION_UNKNOWN"],
    [{ modelHash: hash("other") }, "TRB_ROUND_MODEL_MISMATCHED"],
  ] as const) {
    expect(() => requireRound(message, { ...here, ...change })).toThrow(expect.objectContaining({ code }));
  }
});

test("messages in whatever order they come stand in the order of their senders", () => {
  const names = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,3}$/), { maxLength: 9 });
  fc.assert(
    fc.property(names, (senders) => {
      const all = senders.reduce<readonly Message[]>(
        (list, sender) => withMessage(list, { ...message, sender: sender as NodeId } as Message),
        [],
      );
      expect(all.map(({ sender }) => sender)).toEqual(senders.toSorted());
    }),
  );
});

test("lists of nodes are the same with the same nodes in the same order, no fewer and no more", () => {
  const nodes = (text: string) => [...text] as NodeId[];
  expect(["abc", "abd", "ab", "abcd", "bac"].map((text) => sameNodes(nodes("abc"), nodes(text)))).toEqual([
    true,
    ...[false, false, false, false],
  ]);
  expect(sameNodes([], [])).toBe(true);
});
