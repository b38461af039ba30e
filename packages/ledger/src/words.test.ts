/**
 * What a ledger may say in the version of the protocol that this build speaks. Who makes this fail has changed it: after the first release that takes a new minor
 * (docs/decisions/0055-what-a-ledger-may-say-belongs-to-a-version.md).
 */
import { protocolVersion } from "@tributary/protocol";
import { expect, test } from "vitest";
import { entrySchema } from "./entries.ts";
import { operatorAction } from "./operator-actions.ts";

/** In every entry. */
const everywhere = ["at", "index", "kind", "previous", "signature", "software", "tree"];

const fieldsOf = (kind: string): string[] => {
  const found = entrySchema.options.find(({ shape }) => shape.kind.value === kind);
  return Object.keys(found?.shape ?? {})
    .filter((field) => !everywhere.includes(field))
    .toSorted();
};

test("the words of version 1.0", () => {
  expect(protocolVersion).toBe("1.0");
  expect(operatorAction.options).toEqual([
    "pause",
    "resume",
    "invite",
    "revoke-invite",
    "add-operator",
    "change-role",
    "create-token",
    "remove-operator",
    "change-password",
    "revoke-token",
  ]);
  expect(entrySchema.options.every(({ shape }) => everywhere.every((field) => field in shape))).toBe(true);
  const kinds = entrySchema.options.map(({ shape }) => shape.kind.value);
  expect(Object.fromEntries(kinds.map((kind) => [kind, fieldsOf(kind)]))).toEqual({
    genesis: ["coordinatorKey", "federation", "plan", "planHash", "roster"],
    round: [
      "cohort",
      "h1",
      "heads",
      "mechanism",
      "modelHash",
      "nextModelHash",
      "planHash",
      "protocol",
      "release",
      "round",
      "sharers",
      "spent",
      "sum",
      "sumHash",
      "survivors",
      "votes",
    ],
    aborted: [
      "barred",
      "charged",
      "code",
      "cohort",
      "h1",
      "modelHash",
      "planHash",
      "protocol",
      "release",
      "round",
      "spent",
      "step",
      "votes",
    ],
    roster: ["admitted", "from", "operator", "reason", "revoked", "rotated"],
    operator: ["action", "done", "operator", "reason", "role", "subject"],
    erasure: ["node", "nodeSignature", "on"],
    promotion: ["modelHash", "operator", "rule"],
    rollback: ["modelHash", "operator", "optimiser", "reason"],
    closing: ["modelHash", "reason", "rounds", "rule", "spent"],
  });
});
