/** What commands write: all of it, or what was there before. */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { writeOutput } from "./files.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tributary-files-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test.skipIf(process.platform === "win32")(
  "a disk that is full leaves the page that was there, and nothing beside it",
  { timeout: 60_000 },
  () => {
    const path = join(folder, "page.html");
    writeFileSync(path, "good");
    const files = JSON.stringify(join(import.meta.dirname, "files.ts"));
    const script = `import(${files}).then(({ writeOutput }) => writeOutput(process.argv[1], "x".repeat(1e6)))
    .catch(({ code, message }) => console.log(code, message))`;
    const limited = `ulimit -f 20; exec "$0" --input-type=module -e "$1" "$2"`;
    const { stdout } = spawnSync("sh", ["-c", limited, process.execPath, script, path], { encoding: "utf8" });
    expect(stdout).toMatch(/^TRB_CLI_FILE_NOT_WRITABLE .*EFBIG/);
    expect(readFileSync(path, "utf8")).toBe("good");
    expect(readdirSync(folder)).toEqual(["page.html"]);
  },
);

test("a file keeps its mode, and has the one that is asked for from its first byte", () => {
  const path = join(folder, "page.html");
  writeOutput(path, "old");
  chmodSync(path, 0o640);
  writeOutput(path, "new");
  expect([readFileSync(path, "utf8"), statSync(path).mode & 0o777]).toEqual(["new", 0o640]);
  writeOutput(path, "own", 0o600);
  expect([readFileSync(path, "utf8"), statSync(path).mode & 0o777]).toEqual(["own", 0o600]);
  expect(readdirSync(folder)).toEqual(["page.html"]);
});

test("a link stays a link, and a folder is refused as what it is", () => {
  const [page, link] = [join(folder, "page.html"), join(folder, "link.html")];
  writeFileSync(page, "old");
  symlinkSync(page, link);
  writeOutput(link, "new");
  expect([lstatSync(link).isSymbolicLink(), readFileSync(page, "utf8")]).toEqual([true, "new"]);
  expect(() => writeOutput(folder, "x")).toThrow(expect.objectContaining({ code: "TRB_CLI_FILE_NOT_WRITABLE" }));
});
