import { expect, test } from "vitest";
import { z } from "zod";
import { issueInWords } from "./parsing.ts";

const schema = z.strictObject({
  rounds: z.int().min(1).max(9),
  share: z.number().gt(0),
  name: z.string().min(2).max(3),
  tags: z.array(z.boolean()).min(1),
  mode: z.enum(["keep", "mask"]),
  kind: z.literal("node"),
  hash: z.string().regex(/^[0-9a-f]{4}$/),
  at: z.iso.date(),
});
const sound = { rounds: 1, share: 0.5, name: "ab", tags: [true], mode: "keep", kind: "node", hash: "00ff", at: "2026-01-31" };

test.each([
  ["rounds", 1.5, "it must be a whole number"],
  ["rounds", undefined, "it must be a number"],
  ["rounds", 0, "it must be at least 1"],
  ["rounds", 10, "it must be at most 9"],
  ["share", 0, "it must be more than 0"],
  ["name", "secret", "it must have at most 3 characters"],
  ["tags", [], "it must have at least 1 element"],
  ["tags", "secret", "it must be a list"],
  ["mode", "secret", "it must be one of keep, mask"],
  ["kind", "secret", "it must be node"],
  ["hash", "secret", "it must match /^[0-9a-f]{4}$/"],
  ["at", "secret", "it must be a valid date"],
  ["secret", 1, "a field is not known"],
])("%s that is %j: %s", (field, value, words) => {
  expect(schema.safeParse(sound).success).toBe(true);
  const [issue] = schema.safeParse({ ...sound, [field]: value }).error?.issues ?? [];
  expect(issue && issueInWords(issue)).toBe(words);
});
