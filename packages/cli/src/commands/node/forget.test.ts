/** What is wrong usage of `node forget`. What it erases is tested in `client`, and beside real processes in `test/e2e/store.test.ts`. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isTributaryError } from "@tributary/errors";
import { afterAll, expect, test } from "vitest";
import { program } from "../../program.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-node-forget-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, content: string | Uint8Array) => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

const secret = "ann-of-the-shop";

test.each([
  ["nobody", [], "TRB_CLI_USAGE"],
  ["a list that isn't there", ["--customers-file", join(folder, "none.txt")], "TRB_CLI_FILE_NOT_FOUND"],
  ["a folder", ["--customers-file", folder], "TRB_CLI_FILE_UNREADABLE"],
  ["a list of nobody", ["--customer", secret, "--customers-file", file("empty.txt", "\n\r\n")], "TRB_CLI_BAD_OPTION"],
  [
    "a list that is no text, so that nobody is thought erased who isn't",
    ["--customers-file", file("latin.txt", Buffer.from(`${secret}-J\u00fcrgen\n`, "latin1"))],
    "TRB_CLI_BAD_OPTION",
  ],
  ["a home that is none", ["--customers-file", file("right.txt", `${secret}\r\n`)], "TRB_NODE_NOT_JOINED"],
])("%s is refused by a code, and nobody of a list is named", async (_, words, code) => {
  const asked = program().parseAsync(["node", "forget", "--home", join(folder, "no-home"), ...words], { from: "user" });
  const refusal: unknown = await asked.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(isTributaryError(refusal) && refusal.code).toBe(code);
  expect(JSON.stringify(refusal)).not.toContain(secret);
  expect(String(isTributaryError(refusal) && refusal.message)).not.toMatch(/[{}]/);
});
