/** Extensions from files: what is run is what was hashed, and what is no extension is refused. */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { extensionOptimiser, extensionQuery } from "../extensions/extension.ts";
import { serverStep } from "../optimisers/server-step.ts";
import { hasExtension, keepExtension, loadExtensions, openExtension } from "./index.ts";

const folder = mkdtempSync(join(tmpdir(), "extensions-"));
afterAll(() => rmSync(folder, { recursive: true }));
const examples = new URL("../../../../examples/extensions/", import.meta.url).pathname;
const code = (wanted: string) => expect.objectContaining({ code: wanted });

/** A file with this text. */
function fileOf(text: string, name = "one.ts"): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}
const optimiser = (body: string, name = "small") =>
  `export const extension: { name: string; optimiser: unknown } = { name: "${name}", optimiser: { defaults: { learningRate: 1, numbers: {} }, direction: ${body} } };`;

test("the three examples load, each under the hash of its bytes, with the part that it is an example of", async () => {
  for (const [file, part] of [
    ["visit-hours", "query"],
    ["lion", "optimiser"],
    ["step-by-step", "model"],
  ] as const) {
    const { extension, sha256 } = await openExtension(`${examples}${file}.ts`);
    expect(extension.name).toBe(file);
    expect(Object.keys(extension).sort()).toEqual(["name", part].sort());
    expect(sha256).toBe(
      createHash("sha256")
        .update(readFileSync(`${examples}${file}.ts`))
        .digest("hex"),
    );
  }
});

test("visit-hours answers with the latest hours, ascending, within its norm", async () => {
  await openExtension(`${examples}visit-hours.ts`);
  const { shape, query } = extensionQuery("visit-hours");
  expect(shape({ items: 9 })).toEqual({ dimension: 24, touched: 8, clipNorm: 1 });
  const times = Float64Array.from({ length: 30 }, (_, e) => 3600 * (5 * e + 0.5));
  const events = { items: new Int32Array(30), actions: new Uint8Array(30), times };
  const { coordinates, values } = await query({ items: 9, dimension: 24 }).answer(events);
  expect([...coordinates]).toEqual(
    [...new Set([...times].reverse().map((t) => Math.floor(t / 3600) % 24))].slice(0, 8).sort((a, b) => a - b),
  );
  expect(Math.hypot(...values)).toBeCloseTo(1, 12);
});

test("lion moves each weight by the learning rate along the sign, and remembers", async () => {
  await openExtension(`${examples}lion.ts`);
  const { numbers, learningRate } = extensionOptimiser("lion").defaults;
  const lion = { name: "extension", extension: "lion", learningRate, numbers } as const;
  const start = Float32Array.of(1, 1, 1);
  const first = serverStep(lion, start, null, Float64Array.of(4, -0.5, 0), 0.1);
  expect([...first.parameters]).toEqual([...Float32Array.of(0.99, 1.01, 1)]);
  // m = 0.01·g; the next round's gradient is overruled where 0.9·m outweighs 0.1·g
  const second = serverStep(lion, first.parameters, first.optimiserState, Float64Array.of(-0.3, -0.5, 0), 0.1);
  expect([...second.parameters]).toEqual([...Float32Array.from([Math.fround(0.99) - 0.01, Math.fround(1.01) + 0.01, 1])]);
  expect(second.optimiserState.steps).toBe(2);
});

describe("what is no extension", () => {
  test.each([
    ["nothing exported", "export const other = 1;"],
    ["a name with a blank", optimiser("() => {}", "a b")],
    ["no part at all", 'export const extension = { name: "empty" };'],
    ["a part that there is none of", 'export const extension = { name: "odd", sampler: {} };'],
    ["a part without its function", 'export const extension = { name: "odd", optimiser: {} };'],
    ["an import from beside it", `import { x } from "./x.ts";\n${optimiser("() => x")}`],
    ["an import for its effect", `import "node:fs";\n${optimiser("() => 1")}`],
    ["an import at run time", optimiser('() => import("node:fs")')],
    ["an export from elsewhere", 'export { extension } from "node:fs";'],
    ["what is not TypeScript", "export const extension = ;"],
    ["what fails when it runs", 'throw new Error("no");'],
  ])("%s is refused", async (_, text) => {
    await expect(openExtension(fileOf(text))).rejects.toThrow(code("TRB_EXTENSION_UNREADABLE"));
  });

  test("types alone may be imported", async () => {
    const text = `import type { Extension } from "@tributary/model";\n${optimiser("() => 1", "typed")}`;
    expect((await openExtension(fileOf(text))).extension.name).toBe("typed");
  });

  test("an optimiser that gives something else than finite numbers is refused at its step", async () => {
    for (const [at, body] of [
      "() => ({})",
      "({ gradient }) => ({ direction: gradient.map(() => NaN), first: gradient, second: gradient })",
    ].entries()) {
      await openExtension(fileOf(optimiser(body, `wild-${at}`)));
      const wild = { name: "extension", extension: `wild-${at}`, learningRate: 1, numbers: {} } as const;
      expect(() => serverStep(wild, Float32Array.of(1), null, Float64Array.of(1), 1)).toThrow(code("TRB_EXTENSION_UNFIT"));
    }
    const unknown = { name: "extension", extension: "nobody", learningRate: 1, numbers: {} } as const;
    expect(() => serverStep(unknown, Float32Array.of(1), null, Float64Array.of(1), 1)).toThrow(code("TRB_EXTENSION_MISSING"));
  });
});

test("a folder's file is held to the hash that the plan names, and to its name", async () => {
  const kept = join(folder, "kept");
  const opened = await openExtension(fileOf(optimiser("() => 1", "kept")));
  expect(hasExtension(kept, opened.sha256)).toBe(false);
  keepExtension(kept, opened);
  const { sha256 } = opened;
  await loadExtensions(kept, [{ name: "kept", sha256 }]);
  await expect(loadExtensions(kept, [{ name: "other", sha256 }])).rejects.toThrow(code("TRB_EXTENSION_UNREADABLE"));
  writeFileSync(join(kept, `${sha256}.ts`), optimiser("() => 2", "kept"));
  await expect(loadExtensions(kept, [{ name: "kept", sha256 }])).rejects.toThrow(code("TRB_EXTENSION_ALTERED"));
  await expect(loadExtensions(kept, [{ name: "kept", sha256: "0".repeat(64) }])).rejects.toThrow(
    code("TRB_EXTENSION_UNREADABLE"),
  );
});
