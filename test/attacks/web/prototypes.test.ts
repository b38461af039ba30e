/** Names that belong to every object, in everything that is read from outside: no object of this process has another key afterwards, and nothing is taken for what it isn't. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isTributaryError } from "@tributary/errors";
import { importLog, makeCatalogue, readCatalogue } from "@tributary/events";
import { parseLine } from "@tributary/ledger";
import { canonicalBytes, parseMessage, parsePlan } from "@tributary/protocol";
import { afterAll, expect, test } from "vitest";
import { finding } from "../finding.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-prototypes-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const names = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "__defineGetter__"];
const poison = [
  '{"__proto__":{"polluted":true,"version":1}}',
  '{"constructor":{"prototype":{"polluted":true}}}',
  '{"version":1,"__proto__":null}',
  '{"model":{"__proto__":{"polluted":true}},"releases":[{"__proto__":{"kind":"training"}}]}',
];

/** What every object has of itself. */
const inherited = () =>
  [Object.prototype, Array.prototype, Function.prototype, String.prototype].map((one) =>
    Object.getOwnPropertyNames(one).join(),
  );

const outcome = async (work: () => unknown): Promise<string> => {
  try {
    await work();
    return "taken";
  } catch (error) {
    return isTributaryError(error) ? error.code : `uncoded: ${String(error).slice(0, 120)}`;
  }
};

test("nothing that is parsed reaches a prototype", async (context) => {
  const before = inherited();
  const outcomes: string[] = [];
  for (const text of poison) {
    const value: unknown = JSON.parse(text);
    outcomes.push(
      await outcome(() => parsePlan(value)),
      await outcome(() => parseMessage(value)),
      await outcome(() => parseLine(text)),
    );
  }
  const catalogue = makeCatalogue([...names, "a"].map((id) => ({ id })));
  for (const [place, name] of names.entries()) {
    const csv = join(folder, `${place}.csv`);
    writeFileSync(
      csv,
      `customer,item,action,time,${name}\n${name},${name},view,1700000000,x\n${name},a,${name},1700000001,x\n`,
    );
    const columns = { customer: "customer", item: "item", action: "action", time: "time" };
    const { histories } = await importLog({ path: csv, catalogue, leastCustomers: 1, columns });
    expect(histories.customers, "a customer may be called so").toEqual([name]);
    const list = join(folder, `${place}.jsonl`);
    writeFileSync(list, `{"id":"a","${name}":{"polluted":true}}\n`);
    // of a merchant's own list what isn't known is left out
    const { items } = await readCatalogue(list);
    expect(items.map((item) => [Object.keys(item), Object.getPrototypeOf(item) === Object.prototype])).toEqual([
      [["id"], true],
    ]);
  }
  expect(Buffer.from(canonicalBytes(JSON.parse('{"__proto__":1,"a":2}'))).toString()).toBe('{"__proto__":1,"a":2}');
  const after = inherited();
  const bare = {} as Record<string, unknown>;
  finding(context, {
    what: "prototype pollution by plans, messages, ledger lines, catalogues, CSV headers and the names in them",
    result: `${outcomes.length} documents: ${[...new Set(outcomes)].join(", ")}; prototypes as before`,
    held:
      JSON.stringify(after) === JSON.stringify(before) &&
      bare["polluted"] === undefined &&
      !outcomes.some((one) => one === "taken" || one.startsWith("uncoded")),
  });
});
