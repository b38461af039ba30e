import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { program } from "../../program.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-quality-"));
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, content: string) => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

/** 400 customers who all walk on from item i to item i + 1. */
const walkers = Array.from({ length: 400 }, (_, c) => {
  const items = Array.from({ length: 5 + (c % 4) }, (_item, e) => 1 + ((c * 7 + e) % 60));
  return `${c + 1} ${items.join(" ")}`;
}).join("\n");

const main = fileURLToPath(new URL("../../main.ts", import.meta.url));

/** Runs the command as a user does; `interrupt`: Ctrl-C as soon as it has something to say. */
function run(words: readonly string[], interrupt = false): Promise<{ readonly code: number | null; readonly out: string }> {
  const child = spawn(process.execPath, [
    "--disable-warning=ExperimentalWarning",
    main,
    "bench",
    "quality",
    ...words,
    "--json",
  ]);
  let out = "";
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.once("data", () => interrupt && child.kill("SIGINT"));
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, out })));
}

test("trains and reports, beside popularity, with what it was trained with", async () => {
  const data = file("walkers.txt", walkers);
  const { code, out } = await run(["--data", data, "--model", "sasrec", "--epochs", "30", "--seed", "3"]);
  expect(code).toBe(0);
  const document = JSON.parse(out);
  expect(document).toMatchObject({ seed: 3, data: { customers: 400, items: 60, events: 2600 } });
  const model = (name: string) => document.models.find((one: { name: string }) => one.name === name);
  expect(model("popularity").hr10).toBeLessThan(0.5);
  const sasrec = model("sasrec");
  expect(sasrec.ndcg10).toBeGreaterThan(0.5);
  expect(sasrec).toMatchObject({ customers: 400, training: { model: { family: "sasrec", items: 60 } } });
  for (const figure of [sasrec.hr10, sasrec.mrr, sasrec.seconds, sasrec.training.bestEpoch]) expect(figure).toBeGreaterThan(0);
});

test("Ctrl-C ends it at once with a coded error", async () => {
  const { code, out } = await run(["--data", file("long.txt", walkers), "--epochs", "1000000"], true);
  expect(code).toBe(130);
  expect(JSON.parse(out).error.code).toBe("TRB_CLI_INTERRUPTED");
});

test.each([
  ["a file that is not there", ["--data", join(folder, "nowhere.txt")], "TRB_EVENTS_FILE_NOT_FOUND", 2],
  ["a line that is no sequence", ["--data", file("words.txt", "1 2 3\n2 shoe\n")], "TRB_EVENTS_SEQUENCE_INVALID", 1],
  ["a model that is not known", ["--data", file("some.txt", walkers), "--model", "sasrec,gpt"], "TRB_CLI_BAD_OPTION", 2],
  ["customers with one event each", ["--data", file("short.txt", "1 2\n2 3\n")], "TRB_TRAINING_CENTRAL_INVALID", 1],
])("refuses %s", async (_name, words, code, exitCode) => {
  const root = program();
  await expect(root.parseAsync(["bench", "quality", ...words], { from: "user" })).rejects.toMatchObject({ code, exitCode });
});
