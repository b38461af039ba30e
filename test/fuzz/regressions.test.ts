/**
 * Every target, without coverage: what it begins with, every input that was ever found to be wrong (`regressions/TARGET/HASH`), and some changes,
 * the same ones each time.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { choicesOf } from "./engine/choices.ts";
import { editBytes } from "./engine/edits.ts";
import { minimise } from "./engine/minimise.ts";
import { judge } from "./engine/oracle.ts";
import { removeOwnFolders } from "./engine/own-folder.ts";
import { must, type Target } from "./engine/target.ts";
import { allTargets } from "./targets/targets.ts";

const folder = fileURLToPath(new URL("regressions", import.meta.url));
const targets = await allTargets();
const minute = 60_000;
/** How many changes of a target that doesn't ask for fewer. */
const most = process.env["TRIBUTARY_LONG"] === "1" ? 200 : 40;
afterAll(removeOwnFolders);
/** The machine's other work, and loading, are no fault of an input. */
const patient = (target: Target): Target => ({ ...target, seconds: 20 });

/** Octets that are the same in every run: an unlimited row of hashes. */
const drawn = (name: string, place: number): Uint8Array => createHash("sha512").update(`${name} ${place}`).digest();

const found = (name: string): readonly string[] => {
  const own = join(folder, name);
  return existsSync(own) ? readdirSync(own).map((file) => join(own, file)) : [];
};

describe.each(targets)("$name", (target) => {
  test("takes what it begins with, what was once found, and what is made of both", { timeout: 2 * minute }, async () => {
    const seeds = await target.seeds();
    expect(seeds.length).toBeGreaterThan(0);
    const files = found(target.name).map((file) => new Uint8Array(readFileSync(file)));
    const begun = [...seeds, ...files];
    const changed = Array.from({ length: Math.min(target.smoke ?? most, most) }, (_, place) => {
      const choices = choicesOf(drawn(target.name, place));
      if (target.structured !== undefined && place % 2 === 0) return target.structured(choices);
      return editBytes(choices.of(begun), choices);
    });
    for (const fed of [...begun, ...changed]) {
      const finding = await judge(patient(target), fed);
      if (finding !== undefined) expect.fail(`${finding.report}\nfed with (base64): ${Buffer.from(fed).toString("base64")}`);
    }
  });
});

test("each folder of inputs that were found is of a target", () => {
  const names = targets.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const name of existsSync(folder) ? readdirSync(folder) : []) expect(names).toContain(name);
});

describe("what is judged", () => {
  const parser = (fuzz: Target["fuzz"]): Target => ({ name: "own", parses: "anything", seeds: () => [], fuzz, seconds: 0.2 });
  const signatureOf = async (fuzz: Target["fuzz"], fed = new Uint8Array(4)) => (await judge(parser(fuzz), fed))?.signature;

  test("an error of the language is a finding, a coded one is none, at once and later", async () => {
    const { fail } = await import("@tributary/errors");
    const refuse = () => {
      throw fail("TRB_MESSAGE_TOO_LARGE");
    };
    const stumble = () => {
      throw new TypeError("undefined is not a function");
    };
    expect(await signatureOf(refuse)).toBeUndefined();
    expect(await signatureOf(stumble)).toContain("TypeError");
    expect(await signatureOf(async () => refuse())).toBeUndefined();
    expect(await signatureOf(async () => stumble())).toContain("TypeError");
    expect(await signatureOf(() => must(1 > 2, "order"))).toContain("must hold");
  });

  test("so is what changes a prototype that all share, and it is put right", async () => {
    const pollute = () => void Object.defineProperty(Object.prototype, "polluted", { value: 1, configurable: true });
    expect(await signatureOf(pollute)).toContain("prototype");
    expect("polluted" in {}).toBe(false);
  });

  test("so is what takes much memory, or much of the processor", async () => {
    const kept: Uint8Array[] = [];
    expect(await signatureOf(() => void kept.push(new Uint8Array(100 * 2 ** 20)))).toBe("too much memory");
    expect(kept.pop()?.length).toBe(100 * 2 ** 20);
    const busy = () => {
      for (const began = process.cpuUsage().user; process.cpuUsage().user - began < 400_000; ) drawn("busy", 1);
    };
    expect(await signatureOf(busy)).toBe("too slow");
  });

  test("a finding's input is made as small as what makes it one", async () => {
    const stumbling = parser((bytes) => {
      if (bytes.includes(7) && bytes.includes(9)) throw new RangeError("both");
    });
    const fed = Uint8Array.from({ length: 500 }, (_, place) => place % 251);
    const signature = (await judge(stumbling, fed))?.signature ?? "";
    expect([...(await minimise(stumbling, fed, signature))]).toEqual([7, 9]);
  });
});
