/** How `node import` is told of databases and APIs, and that what is secret of them is never said. The sources themselves are tested in `events`. */
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isTributaryError } from "@tributary/errors";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { program } from "../../program.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-import-sources-"));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.restoreAllMocks());
const file = (name: string, content: string) => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};

async function say(...words: readonly string[]): Promise<string> {
  const printed: string[] = [];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    printed.push(String(text));
    return true;
  });
  await program().parseAsync(["node", "import", "--dry-run", "--json", ...words], { from: "user" });
  return printed.join("");
}

/** The code of a refusal in which no secret stands. */
async function codeOf(...words: readonly string[]): Promise<string> {
  try {
    await say(...words);
  } catch (error) {
    if (!isTributaryError(error)) throw error;
    expect(JSON.stringify([error, error.message, error.details, error.stack])).not.toContain("s3cret");
    return error.code;
  }
  throw new Error("expected a refusal");
}

test("a database's address comes from a file with its password, and from the command line without", async () => {
  const address = file("address", "postgres://reader:s3cret@127.0.0.1:1/shop\n");
  expect(await codeOf("--sql", "SELECT 1", "--source-file", address)).toBe("TRB_EVENTS_SOURCE_UNREACHABLE");
  expect(await codeOf("--sql", "SELECT 1", "--source", "postgres://reader@127.0.0.1:1/shop")).toBe(
    "TRB_EVENTS_SOURCE_UNREACHABLE",
  );
  expect(await codeOf("--sql", "SELECT 1", "--source", "postgres://reader:s3cret@127.0.0.1:1/shop")).toBe("TRB_CLI_BAD_OPTION");
  expect(await codeOf("--sql", "SELECT 1", "--source", "postgres://127.0.0.1:1/shop?user=reader&password=s3cret")).toBe(
    "TRB_CLI_BAD_OPTION",
  );
  expect(await codeOf("--sql", "SELECT 1", "--source-file", file("two", "postgres://a\ns3cret\n"))).toBe("TRB_CLI_BAD_OPTION");
  expect(await codeOf("--sql", "SELECT 1", "--source-file", join(folder, "none"))).toBe("TRB_CLI_FILE_NOT_FOUND");
});

test("options that mean nothing to each other are wrong usage", async () => {
  const http = ["--http", "http://127.0.0.1:1/log"];
  for (const words of [
    ["--source", "shop.db"],
    ["--sql", "SELECT 1", "--source", "a.db", "--source-file", "b"],
    ["a.csv", "--page-next", "next"],
    ["a.csv", "--http-token-file", "token"],
    [...http, "--page-next", "next", "--page-number", "page"],
    [...http, "--page-parameter", "after"],
  ]) {
    expect([words, await codeOf(...words)]).toEqual([words, "TRB_CLI_USAGE"]);
  }
  expect(await codeOf(...http, "--http-token-file", file("empty", "\n"))).toBe("TRB_CLI_BAD_OPTION");
});

test("an API is looked at by its token, its paths and its parameters", async () => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.url} ${request.headers.authorization}`);
    const second = request.url?.includes("after=") === true;
    const event = { user: second ? "bob" : "ann", item: "7", event: "view", ts: 1_700_000_000 };
    response.end(JSON.stringify({ data: { events: [event] }, next: second ? null : "x y" }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/log?shop=1`;
    const token = file("token", "s3cret\n");
    const paging = ["--page-items", "data.events", "--page-next", "next", "--page-parameter", "after"];
    const { previews } = JSON.parse(await say("--http", url, "--http-token-file", token, ...paging));
    expect(previews).toMatchObject([
      { file: url.replace("?shop=1", ""), format: "pages", kept: 2, columns: { customer: "user" } },
    ]);
    expect(asked).toEqual(["/log?shop=1 Bearer s3cret", "/log?shop=1&after=x+y Bearer s3cret"]);
    expect(await codeOf("--http", url, "--http-token-file", token, "--page-items", "nowhere")).toBe("TRB_EVENTS_PAGE_INVALID");
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
