import { createHash } from "node:crypto";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Layout, layoutOf } from "./layout.ts";
import { openOutgoing, readOutgoing } from "./outgoing.ts";

let home: string;
let layout: Layout;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "tributary-outgoing-"));
  layout = layoutOf(home);
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

test("a message is noted by its size and its SHA-256, and not by what it says", () => {
  const text = '{"secret":"čaj"}';
  openOutgoing(layout).note({ kind: "shares", round: 3, content: text });
  const [note] = readOutgoing(layout);
  expect(note).toMatchObject({ kind: "shares", round: 3, bytes: Buffer.byteLength(text) });
  expect(note?.sha256).toBe(createHash("sha256").update(text, "utf8").digest("hex"));
  expect(readFileSync(layout.outgoing, "utf8")).not.toContain("secret");
  expect(statSync(layout.outgoing).mode & 0o777).toBe(0o600);
});

test("the latest few hundred stay, in their order, across restarts", () => {
  let outgoing = openOutgoing(layout);
  for (let round = 1; round <= 2_300; round++) {
    if (round % 700 === 0) outgoing = openOutgoing(layout);
    outgoing.note({ kind: "vote", round, content: "x" });
  }
  const rounds = readOutgoing(layout).map(({ round }) => round);
  expect(rounds.length).toBeGreaterThanOrEqual(500);
  expect(rounds.length).toBeLessThanOrEqual(1_000);
  expect(rounds).toEqual(Array.from(rounds, (_, place) => 2_300 - rounds.length + 1 + place));
});

test("a line that a crash cut short is none, and what follows counts", () => {
  const outgoing = openOutgoing(layout);
  outgoing.note({ kind: "hello", round: null, content: "a" });
  appendFileSync(layout.outgoing, '{"at":"2026-11-30T');
  expect(readOutgoing(layout).map(({ kind }) => kind)).toEqual(["hello"]);
  openOutgoing(layout).note({ kind: "vote", round: 1, content: "b" });
  expect(readOutgoing(layout).map(({ kind }) => kind)).toEqual(["hello", "vote"]);
});

test("a disk that takes nothing is told by its code", () => {
  rmSync(home, { recursive: true });
  expect(() => openOutgoing(layout).note({ kind: "hello", round: null, content: "a" })).toThrow(
    expect.objectContaining({ code: "TRB_NODE_HOME_UNWRITABLE" }),
  );
});
