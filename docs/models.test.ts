/** docs/models.md: its TypeScript runs as it stands there, and prints what stands under it. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { modelSpec } from "@tributary/model";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const text = readFileSync(new URL("models.md", import.meta.url), "utf8");
const examples = [...text.matchAll(/```ts\n([\s\S]*?)```\n\n```text\n([\s\S]*?)```/g)].map(([, code = "", printed = ""]) => ({
  name: /console\.log\(.*/.exec(code)?.[0] ?? "",
  ...{ code, printed },
}));

test("every TypeScript example says what it prints", () => {
  expect(examples).toHaveLength(text.match(/```ts\n/g)?.length ?? 0);
  expect(examples.length).toBeGreaterThan(3);
});

test.each(examples)("$name", { timeout: 60_000 }, async ({ code, printed }) => {
  const flags = ["--disable-warning=ExperimentalWarning", "--input-type=module-typescript", "--eval", code];
  const { stdout } = await promisify(execFile)(process.execPath, flags, {
    cwd: root,
    env: { ...process.env, NODE_OPTIONS: "" },
  });
  expect(stdout).toBe(printed);
});

test("the parts of an event and the heads are named by fields that a spec has", () => {
  const item = { ids: "own", attributes: [{ name: "brand", values: 2 }], features: 0 } as const;
  const { weights, ...fields } = modelSpec({ items: 2, length: 1, width: 4, item, topics: 2 });
  const known = new Set([...Object.keys(fields), ...Object.keys(weights).map((head) => `weights.${head}`)]);
  const section = (title: string) => text.split(`\n## ${title}\n`)[1]?.split("\n## ")[0] ?? "";
  const column = (title: string, place: number) =>
    [...section(title).matchAll(/^\|(.*)\|$/gm)].flatMap(
      ([, row = ""]) => /`([^`]+)`/.exec(row.split("|")[place] ?? "")?.[1] ?? [],
    );
  expect(column("Inputs", 1)).toHaveLength(7);
  for (const field of [...column("Inputs", 1), ...column("Heads and losses", 2)]) expect(known).toContain(field);
  expect(column("Heads and losses", 2)).toEqual(Object.keys(weights).map((head) => `weights.${head}`));
});
