/** What is wrong usage of `node predict`. What it predicts is tested in `client`, and beside real processes in `test/e2e`. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isTributaryError } from "@tributary/errors";
import { afterAll, expect, test } from "vitest";
import { program } from "../../program.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-node-predict-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, content: string | Uint8Array) => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

const secret = "ann-of-the-shop";
const out = ["--out", join(folder, "out.parquet")];

test.each([
  ["a table of no known kind", ["--out", join(folder, "out.xlsx")], "TRB_CLI_BAD_OPTION"],
  ["an unknown prediction", [...out, "--what", "recommend,fortune"], "TRB_CLI_BAD_OPTION"],
  ["more items than an answer has", [...out, "--k", "201"], "TRB_CLI_BAD_OPTION"],
  ["a list that isn't there", [...out, "--customers", join(folder, "none.txt")], "TRB_CLI_FILE_NOT_FOUND"],
  ["a list of nobody", [...out, "--customers", file("empty.txt", "\n\n")], "TRB_CLI_BAD_OPTION"],
  ["a list that is no text", [...out, "--customers", file("bytes.txt", Uint8Array.of(0xff, 0xfe, 0x41))], "TRB_CLI_BAD_OPTION"],
  ["an id that is none", [...out, "--customers", file("long.txt", `${secret}\n${secret.repeat(30)}\n`)], "TRB_CLI_BAD_OPTION"],
  ["a home that is none", [...out, "--customers", file("right.txt", `${secret}\r\n`)], "TRB_NODE_NOT_JOINED"],
])("%s is refused by a code, and nobody of a list is named", async (_, words, code) => {
  const asked = program().parseAsync(["node", "predict", "--home", join(folder, "no-home"), ...words], { from: "user" });
  const refusal: unknown = await asked.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(isTributaryError(refusal) && refusal.code).toBe(code);
  expect(JSON.stringify(refusal)).not.toContain(secret);
});
