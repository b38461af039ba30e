import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { FetchedPage } from "@tributary/events/ingest";
import { expect, test } from "vitest";
import { forgetCustomers } from "../forget.ts";
import { importEvents } from "../import.ts";
import { joinedHome } from "../joined-home.test-support.ts";
import { readHistories } from "./histories.ts";
import { layoutOf } from "./layout.ts";
import { pageSpool } from "./page-spool.ts";

const at = joinedHome();

const page = (text: string, next: string | null): FetchedPage => ({ body: Buffer.from(text), next });
const textsOf = async (pages: AsyncIterable<FetchedPage>) => {
  const texts: string[] = [];
  for await (const { body, next } of pages) texts.push(`${Buffer.from(body).toString("utf8")} → ${next}`);
  return texts;
};

test("pages are there for the same request and for a day; of other keys, other requests and changed files there are none", async () => {
  const layout = layoutOf(at.home);
  let now = 1_000_000;
  const fill = async () => {
    const spool = pageSpool(layout, () => now);
    await spool.add("a", 0, page("[1]", "second"));
    await spool.add("a", 1, page("[2]", null));
  };
  const left = (request: string) => textsOf(pageSpool(layout, () => now).pages(request));
  await fill();
  now += 80_000;
  expect(await left("a")).toEqual(["[1] → second", "[2] → null"]);
  now += 10_000;
  expect(await left("a")).toEqual([]);
  expect(existsSync(layout.pages)).toBe(false);
  await fill();
  expect(await left("b")).toEqual([]);
  await fill();
  const [first = "", second = ""] = readdirSync(layout.pages).map((name) => join(layout.pages, name));
  const sealed = readFileSync(second);
  writeFileSync(second, readFileSync(first));
  expect(await left("a"), "a page in another's place").toEqual(["[1] → second"]);
  writeFileSync(second, sealed.with(40, (sealed[40] ?? 0) ^ 1));
  expect(await left("a"), "a page that was changed").toEqual(["[1] → second"]);
  expect(statSync(first).mode & 0o077).toBe(0);
  await forgetCustomers({ home: at.home, customers: ["somebody"] });
  expect(existsSync(layout.pages), "pages may hold whoever is erased").toBe(false);
});

test("an import that is killed between two pages goes on behind the last one, and leaves nothing readable", {
  timeout: 90_000,
}, async () => {
  const asked: string[] = [];
  let stuck = true;
  const server = createServer((request, response) => {
    const number = Number(new URL(request.url ?? "", "http://127.0.0.1").searchParams.get("page"));
    asked.push(`${number} ${request.headers.authorization}`);
    if (stuck && number === 3) return; // never answered
    const events = Array.from({ length: number < 5 ? 200 : 0 }, (_, i) => ({
      customer: `someone-${i % 40}`,
      item: `item-${String(i % 24).padStart(2, "0")}`,
      time: 1_600_000_000 + 1000 * number + i,
    }));
    response.end(JSON.stringify({ events }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/log`;
  const pages = { url, token: "secret-token", items: "events", paging: { kind: "number", parameter: "page" } } as const;
  try {
    const module = fileURLToPath(new URL("../import.ts", import.meta.url));
    const script = `const { importEvents } = await import(${JSON.stringify(module)}); await importEvents(${JSON.stringify({ home: at.home, files: [], pages })});`;
    const child: ChildProcess = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "ignore" });
    await expect.poll(() => asked.at(-1), { timeout: 60_000 }).toBe("3 Bearer secret-token");
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(readdirSync(layoutOf(at.home).pages)).toHaveLength(2);
    for (const name of readdirSync(at.home, { recursive: true, encoding: "utf8" })) {
      const path = join(at.home, name);
      if (!statSync(path).isFile()) continue;
      for (const word of ["someone-", "secret-token"])
        expect(readFileSync(path).includes(word), `${name}: ${word}`).toBe(false);
    }
    stuck = false;
    asked.length = 0;
    const report = await importEvents({ home: at.home, files: [], pages });
    expect(asked.map((one) => one[0])).toEqual(["3", "4", "5"]);
    expect([report.rows, report.kept, report.customers]).toEqual([800, 800, 40]);
    expect(readHistories(layoutOf(at.home)).items).toHaveLength(800);
    expect(existsSync(layoutOf(at.home).pages)).toBe(false);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
