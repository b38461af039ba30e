/** What is said of how far a command is. */
import { PassThrough } from "node:stream";
import stringWidth from "string-width";
import { expect, test } from "vitest";
import { barLine, duration, octets, progressBar, type Stretch, told } from "./progress.ts";

const rounds: Stretch = { what: "rounds", done: 12, of: 40, doneBefore: 0, elapsed: 4 };

test("how far, at what rate and how long still, in words of three digits", () => {
  expect(told(rounds)).toBe("rounds 12/40, 3.0/s, 9 s left");
  expect(told({ ...rounds, elapsed: 240 })).toBe("rounds 12/40, 20 s each, 9 min 20 s left");
  expect(told({ ...rounds, done: 40 })).toBe("rounds 40/40, 10/s");
  expect(told({ ...rounds, done: 0 })).toBe("rounds 0/40");
  expect(told({ ...rounds, doneBefore: 10 })).toBe("rounds 12/40, 2 s each, 56 s left"); // what was done before took no time
  expect(told({ what: "ledger", done: 5e6, of: 2e7, unit: "octets", doneBefore: 0, elapsed: 2 })).toBe(
    "ledger 5.00 MB of 20.0 MB, 2.50 MB/s, 6 s left",
  );
  expect([0.02, 59.4, 125, 7250].map(duration)).toEqual(["20 ms", "59 s", "2 min 05 s", "2 h 00 min"]);
  expect([0, 999, 1500, 123_456_789].map(octets)).toEqual(["0 B", "999 B", "1.50 kB", "123 MB"]);
});

test("a bar is as full as the work is done, and never wider than the terminal", () => {
  expect(barLine(rounds, 80)).toBe(`${"█".repeat(9)}${"░".repeat(21)} ${told(rounds)}`);
  for (const columns of [20, 30, 40, 80, 200]) {
    for (const what of ["rounds", "a stage with a very long name that nobody asked for", "第一阶段：统计"]) {
      expect(stringWidth(barLine({ ...rounds, what }, columns))).toBeLessThan(columns);
    }
  }
  expect(barLine({ ...rounds, done: 50 }, 80)).toContain("█".repeat(30)); // more than was planned
  expect(barLine({ ...rounds, of: 0 }, 80)).toContain("░".repeat(30));
});

/** A stream, and what was written to it. */
function stream(isTTY: boolean) {
  let text = "";
  const through = Object.assign(new PassThrough(), {
    isTTY,
    columns: 80,
    cursorTo: () => true,
    clearLine: () => true,
    moveCursor: () => true,
  });
  through.on("data", (chunk) => {
    text += String(chunk);
  });
  return { stream: through as unknown as NodeJS.WriteStream, written: () => text };
}

test("piped, there is a line now and then, and none of what is over soon", () => {
  const { stream: out, written } = stream(false);
  let now = 0;
  const bar = progressBar(out, () => now);
  for (now = 0; now <= 20; now += 0.5) bar.show("rounds", now * 2, 40);
  const lines = written().trim().split("\n");
  expect(lines).toEqual([
    "rounds 4/40, 2.0/s, 18 s left",
    "rounds 14/40, 2.0/s, 13 s left",
    "rounds 24/40, 2.0/s, 8 s left",
    "rounds 34/40, 2.0/s, 3 s left",
  ]);
  expect(written()).not.toContain("\u001b");
  bar.show("judging", 1, 2);
  bar.end();
  expect(written().trim().split("\n")).toHaveLength(4);
});

test("on a terminal a bar appears after two seconds, and is taken away at the end", () => {
  const { stream: out, written } = stream(true);
  let now = 0;
  const bar = progressBar(out, () => now);
  for (now = 0; now < 2; now += 0.5) bar.show("rounds", now, 40);
  expect(written()).toBe("");
  now = 2;
  bar.show("rounds", 4, 40);
  expect(written()).toContain("rounds 4/40");
  bar.end();
  expect(written().split("\u001b[?25l")).toHaveLength(2); // the cursor was hidden once,
  expect(written().split("\u001b[?25h")).toHaveLength(2); // and is back
});
