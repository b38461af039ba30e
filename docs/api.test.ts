/** docs/api.md: its table is that of the routes, its example runs as it stands there and prints what stands under it, and its refusal is one. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { logTo } from "@tributary/client";
import { accessAtHome, createInvite, type RunningCoordinator, startCoordinator } from "@tributary/coordinator";
import { type ApiRoute, documentRoutes } from "@tributary/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { catalogue, join as joinNode, testIdentity, testPlan } from "../coordinator/src/scripted-node.test-support.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const text = readFileSync(new URL("api.md", import.meta.url), "utf8");
const folder = mkdtempSync(join(tmpdir(), "tributary-api-page-"));
const home = join(folder, "platform");
const tokenFile = join(folder, "viewer.token");
let server: RunningCoordinator;

beforeAll(async () => {
  server = await startCoordinator({ home, plan: testPlan(home), catalogue, port: 0, log: logTo(() => {}) });
  const { token } = await accessAtHome({ home }).createToken({ name: "page", role: "viewer", days: 1 });
  writeFileSync(tokenFile, `${token}\n`);
  await joinNode((await createInvite(home, { node: "bookshop", url: server.url, hours: 1 })).invite, testIdentity());
}, 60_000);
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

test("the table is that of the routes that are not for operators", () => {
  const rows = Object.values<ApiRoute>(documentRoutes).map(
    ({ method, path, least, does }) => `| \`${method} ${path}\` | ${least ?? "–"} | ${does} |`,
  );
  expect(text).toContain(["| route | least role | does |", "| --- | --- | --- |", ...rows, ""].join("\n"));
});

test("the example prints what stands under it", { timeout: 60_000 }, async () => {
  const [, code = ""] = /```ts\n([\s\S]*?)```/.exec(text) ?? [];
  const [, printed = ""] = /```text\n([\s\S]*?)```/.exec(text) ?? [];
  const flags = ["--disable-warning=ExperimentalWarning", "--input-type=module-typescript", "--eval", code];
  const env = { ...process.env, NODE_OPTIONS: "", COORDINATOR_URL: server.url, TOKEN_FILE: tokenFile };
  const { stdout } = await promisify(execFile)(process.execPath, flags, { cwd: root, env });
  expect(printed).toContain("TRB_");
  expect(stdout).toBe(printed);
});

test("the refusal is what a coordinator answers, and leads to where its code is explained", async () => {
  const [, shown = ""] = /```json\n([\s\S]*?)```/.exec(text) ?? [];
  const answer = await fetch(`${server.url}/v1/identity?nonce=12`);
  expect([answer.status, answer.headers.get("content-type")?.split(";")[0]]).toEqual([400, "application/problem+json"]);
  const problem = (await answer.json()) as { type: string };
  expect(problem).toEqual(JSON.parse(shown));
  const [page = "", anchor = ""] = problem.type.split("#");
  expect(readFileSync(join(root, page), "utf8")).toContain(`<a id="${anchor}"></a>`);
});

test("a coordinator's description is what lies in the file", async () => {
  const served = await (await fetch(`${server.url}/v1/openapi.json`)).json();
  expect(served).toEqual(JSON.parse(readFileSync(new URL("api/coordinator.openapi.json", import.meta.url), "utf8")));
});
