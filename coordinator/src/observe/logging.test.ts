/** No secret and nothing of a customer gets into a line, under whatever name and however deep; what operators need does. */
import { fail } from "@tributary/errors";
import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { censor, childLog, redacted } from "./logging.ts";

const canary = "canary-7f3a91";

/** What one call writes. */
function written(write: (log: ReturnType<typeof childLog>) => void): { text: string; lines: Record<string, unknown>[] } {
  let text = "";
  const log = pino({ base: null }, { write: (line: string) => void (text += line) });
  write(childLog(log, { federation: "shops", replica: "a" }));
  const lines = text.split("\n").filter((line) => line !== "");
  return { text, lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe("what is left out", () => {
  test.each(redacted)("%s, at the top, in objects, in lists and in children's bindings", (name) => {
    const { text, lines } = written((log) => {
      log.info({ [name]: canary }, "top");
      log.warn({ a: { b: [{ [name]: { c: canary } }] } }, "deep");
      log.error({ [name.toUpperCase()]: [canary] }, "in capitals");
      log.child({ round: 3 }).info({ node: "north", [name]: canary }, "child");
    });
    expect(text).not.toContain(canary);
    expect(lines).toHaveLength(4);
    expect(lines[0]).toMatchObject({ [name]: censor, msg: "top" });
    expect(lines[3]).toMatchObject({ federation: "shops", replica: "a", round: 3, node: "north" });
  });

  test("secrets inside of texts: passwords in addresses, tokens, whatever authorizes", () => {
    const { text } = written((log) => {
      log.info({ where: `postgres://tributary:${canary}@db:5432/tributary?schema=a` }, "address");
      log.info({ reason: `refused trb_0123456789ab_${canary} just now` }, "token");
      log.info({ reason: `Bearer ${canary}` }, "header");
    });
    expect(text).not.toContain(canary);
    expect(text).toContain("postgres://tributary:[redacted]@db:5432/tributary?schema=a");
  });

  test("octets, and what lies deeper than anything of ours", () => {
    const deep = { a: { b: { c: { d: { e: { f: { g: canary } } } } } } };
    const { text } = written((log) => {
      log.info({ bytes: Buffer.from(canary), words: new Uint32Array([77_123_456]) }, "octets");
      log.info(deep, "deep");
    });
    expect(text).not.toContain(canary);
    expect(text).not.toContain("77123456");
    expect(text).not.toContain([...Buffer.from(canary)].join(","));
  });

  test("the words of databases and parsers, their details, and those of their causes", () => {
    const database = Object.assign(new Error(`invalid input syntax for type json: "${canary}"`), {
      ...{ name: "error", code: "22P02", severity: "ERROR", detail: `Token "${canary}" is invalid.`, where: `COPY ${canary}` },
    });
    const { text, lines } = written((log) => {
      log.error({ err: database }, "database");
      log.error({ err: fail("TRB_INTERNAL", { id: "1" }, new SyntaxError(`Unexpected token in ${canary}`)) }, "parser");
      log.error(Object.assign(new Error(canary), { customer: canary }), "an error alone");
    });
    expect(text).not.toContain(canary);
    expect(lines[0]).toMatchObject({ err: { type: "error", code: "22P02" } });
    expect(lines[1]).toMatchObject({ err: { code: "TRB_INTERNAL", cause: { type: "SyntaxError" } } });
  });
});

test("what is told: codes, our own words, the program's faults, and where each was", () => {
  const { lines } = written((log) => {
    log.error({ err: fail("TRB_COORDINATOR_NO_LEADER") }, "ours");
    log.error({ err: new TypeError("nodes is not iterable") }, "the program's");
    log.error({ err: Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" }) }, "the system's");
    log.info({ round: 7, node: "north", sha256: "ab".repeat(32), bytesIn: 5, released: true, code: null }, "facts");
  });
  const [ours, program, system, facts] = lines;
  expect(ours).toMatchObject({
    err: { code: "TRB_COORDINATOR_NO_LEADER", message: fail("TRB_COORDINATOR_NO_LEADER").message },
  });
  expect(program).toMatchObject({ err: { type: "TypeError", message: "nodes is not iterable" } });
  expect(JSON.stringify(program)).toMatch(/"stack":\["at [^"]*logging\.test\.ts:\d+/);
  expect(system).toMatchObject({ err: { code: "ENOSPC", message: "ENOSPC: no space left on device, write" } });
  expect(facts).toMatchObject({ round: 7, node: "north", sha256: "ab".repeat(32), bytesIn: 5, released: true, code: null });
});
