/** A node that serves beside its federation: what was released, fetched and verified, exchanged under load, and refused when it was changed. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { startTestCoordinator, statisticsTestPlan, type TestCoordinator } from "../coordinator.test-support.ts";
import { layoutOf } from "../home/layout.ts";
import { readPolicy, writePolicy } from "../home/policy.ts";
import { importEvents } from "../import.ts";
import { joinFederation } from "../join.ts";
import { type RunningNode, runNode } from "../running/start.ts";
import { trustPeers } from "../trust.ts";
import { predictCustomers } from "./predict.ts";
import { type ServeNodeOptions, type ServingNode, serveNode } from "./serve.ts";
import { catalogue, ingredients, openShop } from "./shop.test-support.ts";
import { healthAnswer, nextActionAnswer, recommendAnswer } from "./words.ts";

// three nodes' rounds beside a server under load: seconds alone, two minutes where others want the cores
vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

const token = "a-token-of-the-tests";
const names = ["alpha", "beta", "gamma"] as const;
let folder: string;
let coordinator: TestCoordinator;
let open: { close(): Promise<void> }[] = [];
let logged: string[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "tributary-serving-"));
  coordinator = await startTestCoordinator(statisticsTestPlan());
  [open, logged] = [[], []];
});
afterEach(async () => {
  for (const one of open.reverse()) await one.close();
  await coordinator.close();
  rmSync(folder, { recursive: true, force: true });
});

const homeOf = (name: string) => join(folder, name);
const log = () => pino({ base: null, level: "debug" }, { write: (line: string) => void logged.push(line) });

/** Sixty events of ten customers; `later` moves them in time. */
async function fill(name: string, later = 0): Promise<void> {
  const rows = Array.from(
    { length: 60 },
    (_, n) => `${name}-private-${n % 10},item-${String((n * 7) % 24).padStart(2, "0")},view,${1e9 + later + n}`,
  );
  writeFileSync(join(folder, `${name}.csv`), `customer,item,action,time\n${rows.join("\n")}\n`);
  await importEvents({ home: homeOf(name), files: [join(folder, `${name}.csv`)] });
}

async function joinAll(): Promise<void> {
  const fingerprints: string[] = [];
  for (const name of names) {
    fingerprints.push((await joinFederation({ invite: coordinator.invite(name), home: homeOf(name) })).fingerprint);
    await fill(name);
  }
  for (const name of names) await trustPeers({ home: homeOf(name), fingerprints });
}

async function runRounds(): Promise<void> {
  const nodes: RunningNode[] = [];
  for (const name of names)
    nodes.push(await runNode({ home: homeOf(name), log: log(), trainingThreads: 1 }, coordinator.transport));
  open.push(...nodes);
  coordinator.begin();
  for (const node of nodes) await node.finished;
}

async function serve(options: Partial<ServeNodeOptions> = {}): Promise<ServingNode> {
  const serving = await serveNode({ home: homeOf("alpha"), port: 0, token, reloadEvery: 50, log: log(), ...options });
  open.push(serving);
  await serving.ready;
  return serving;
}

async function ask({ url }: Pick<ServingNode, "url">, path: string, body?: unknown) {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const sent = body === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(body) };
  const answer = await fetch(`${url}${path}`, sent);
  return { status: answer.status, body: (await answer.json()) as unknown };
}
const modelOf = async (serving: ServingNode) => healthAnswer.parse((await ask(serving, "/v1/health")).body).model;

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 2_400; tries++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`never came: ${what}`);
}

test("before the federation's first round own counts serve; the released model comes under load, and no request is dropped", async () => {
  await joinAll();
  const serving = await serve();
  expect(await modelOf(serving)).toMatchObject({ source: "none", hash: null, fallback: false });

  const answers = { asked: 0, right: 0, sources: new Set<string>() };
  let asking = true;
  const loads = Array.from({ length: 4 }, async (_, customer) => {
    while (asking) {
      answers.asked += 1;
      const { status, body } = await ask(serving, "/v1/recommend", { customer: `alpha-private-${customer}`, k: 5 });
      const { items, model } = recommendAnswer.parse(body);
      answers.sources.add(model.source);
      if (status === 200 && items.length === 5) answers.right += 1;
      await new Promise((resolve) => setTimeout(resolve, 5)); // two cores, which rounds need as well
    }
  });
  await runRounds();
  await until("the released model", async () => (await modelOf(serving)).round === 3);
  await fill("alpha", 500); // another store, another exchange
  await until("another store", async () => logged.join("").includes("other histories are served"));
  await new Promise((resolve) => setTimeout(resolve, 200));
  asking = false;
  await Promise.all(loads);

  expect(answers.asked).toBeGreaterThan(20);
  expect(answers.right).toBe(answers.asked);
  expect([...answers.sources].sort()).toEqual(["none", "released"]);
  const model = await modelOf(serving);
  const last = JSON.parse(coordinator.ledger.at(-2) ?? "{}") as { nextModelHash?: string };
  expect(model).toMatchObject({ source: "released", hash: last.nextModelHash, round: 3 });
  expect(model.parts).toContain("releasedStatistics");
  expect(readdirSync(join(homeOf("alpha"), "models"))).toEqual([model.hash]);
  expect(logged.join("")).not.toContain("private");
  expect(logged.join("")).not.toContain(token);
});

test("mode releasedOnly serves what was released and nothing of its own; a changed file is fetched again, or serving falls back and says so", async () => {
  await joinAll();
  await runRounds();
  const serving = await serve({ mode: "releasedOnly" });
  const { parts, hash } = await modelOf(serving);
  expect(parts).toContain("releasedStatistics");
  expect(parts).not.toContain("ownCounts");
  expect(await ask(serving, "/v1/next-action", { customer: "alpha-private-1" })).toMatchObject({
    status: 409,
    body: { error: { code: "TRB_SERVE_NOTHING_TO_ANSWER_BY" } },
  });
  await serving.close();

  const file = join(homeOf("alpha"), "models", String(hash));
  const whole = readFileSync(file);
  writeFileSync(
    file,
    whole.map((octet, place) => (place === whole.length - 1 ? octet ^ 1 : octet)),
  );
  const again = await serve();
  expect(await modelOf(again)).toMatchObject({ source: "released", hash });
  expect(readFileSync(file)).toEqual(whole);
  await again.close();

  writeFileSync(file, "damaged");
  await coordinator.close();
  const alone = await serve();
  expect(await modelOf(alone)).toMatchObject({ source: "none", fallback: true, parts: ["popularity"] });
  const { body } = await ask(alone, "/v1/recommend", { customer: "alpha-private-1", k: 3 });
  expect(recommendAnswer.parse(body)).toMatchObject({ basis: "popularity", model: { fallback: true } });
  expect(logged.join("")).toContain("TRB_NODE_COORDINATOR_UNREACHABLE");
});

test("the token's file is made once, closed to others, and refused where it is open; port and artefact that can't be used are told", async () => {
  await joinAll();
  const home = homeOf("alpha");
  const first = await serveNode({ home, port: 0, log: log() });
  open.push(first);
  const file = join(home, "keys", "serve-token");
  expect(first.tokenFile).toBe(file);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const own = readFileSync(file, "utf8").trim();
  const answer = await fetch(`${first.url}/v1/recommend`, {
    method: "POST",
    headers: { authorization: `Bearer ${own}`, "content-type": "application/json" },
    body: JSON.stringify({ customer: "alpha-private-1" }),
  });
  expect(answer.status).toBe(200);
  const second = await serveNode({ home, port: 0, log: log() });
  open.push(second);
  expect(readFileSync(file, "utf8").trim()).toBe(own);

  await expect(serveNode({ home, port: first.port, token, log: log() })).rejects.toMatchObject({
    code: "TRB_SERVE_CANNOT_LISTEN",
  });
  await expect(serveNode({ home, port: 0, token: "short", log: log() })).rejects.toMatchObject({
    code: "TRB_SERVE_TOKEN_UNUSABLE",
  });
  chmodSync(file, 0o644);
  await expect(serveNode({ home, port: 0, log: log() })).rejects.toMatchObject({ code: "TRB_SERVE_TOKEN_UNUSABLE" });
  await expect(serveNode({ home: join(folder, "nobody"), port: 0, log: log() })).rejects.toMatchObject({
    code: "TRB_NODE_NOT_JOINED",
  });

  mkdirSync(join(folder, "no-artefact"));
  const without = await serve({ artefact: join(folder, "no-artefact") });
  expect(await modelOf(without)).toMatchObject({ source: "none", fallback: true });
  expect(logged.join("")).toContain("TRB_SERVE_MODEL_UNUSABLE");
});

test("exchanges beneath hundreds of requests under way: each is answered whole, and what was replaced is closed", async () => {
  const shop = await openShop(ingredients());
  open.push(shop);
  let exchanging = true;
  const prepared = await shop.prepare(ingredients({ serve: { mode: "releasedOnly", minSupport: 5 } }));
  const exchange = (async () => {
    while (exchanging) {
      shop.holder.replace(await shop.open(prepared));
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  const body = { history: [{ item: catalogue.items[0]?.id }], k: 24 };
  const answers = await Promise.all(Array.from({ length: 300 }, () => shop.ask("/v1/recommend", body)));
  exchanging = false;
  await exchange;
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 300 }, () => 200));
  for (const { body: said } of answers) expect(recommendAnswer.parse(said).items).toHaveLength(24);
  expect(shop.holder.changes()).toBeGreaterThan(3);
});

test("what is predicted of all customers at once is what is served of each; the store's are called by pseudonyms, a list's as in the list", async () => {
  await joinAll();
  const serving = await serve();
  const home = homeOf("alpha");
  const ids = ["alpha-private-3", "alpha-private-7", "nobody-knows-me"];
  const listed = join(folder, "listed.jsonl");
  const seen: number[] = [];
  const summary = await predictCustomers({ home, out: listed, customers: ids, k: 4, onProgress: (done) => seen.push(done) });
  expect(summary).toMatchObject({ customers: 3, unknown: 1, what: ["recommend", "churn", "purchase", "next-action"] });
  expect(seen).toEqual([3]);
  const told = { customers: 2, reason: expect.stringMatching(/can't be answered: .*own log/) };
  expect(summary.unanswered).toEqual(["churn", "purchase"].map((what) => ({ what, ...told })));
  expect(statSync(listed).mode & 0o777).toBe(0o600);
  const rows = readFileSync(listed, "utf8").trimEnd().split("\n");
  for (const [place, customer] of ids.entries()) {
    const row: unknown = JSON.parse(rows[place] ?? "");
    const recommended = recommendAnswer.parse((await ask(serving, "/v1/recommend", { customer, k: 4 })).body);
    const next = nextActionAnswer.parse((await ask(serving, "/v1/next-action", { customer })).body);
    expect(row).toEqual({
      ...{ customer, known: place < 2, items: recommended.items.map(({ item }) => item), basis: recommended.basis },
      scores: recommended.items.map(({ score }) => score),
      ...{ churn: null, churnHorizonDays: null, purchase: null }, // sixty events in a minute tell nothing of either
      ...{ nextAction: next.actions[0]?.action, nextActionProbability: next.actions[0]?.probability },
    });
  }

  const stored = join(folder, "stored.csv");
  await predictCustomers({ home, out: stored, what: ["recommend"], k: 1 });
  const [head, ...lines] = readFileSync(stored, "utf8").trimEnd().split("\n");
  expect(head).toBe("customer,known,items,scores,basis");
  expect(lines).toHaveLength(10);
  for (const line of lines) expect(line).toMatch(/^[0-9a-f]{32},true,/);
  expect(lines.join()).not.toContain("private");

  const stopping = new AbortController(); // what was there stays, and nothing half written
  const predicting = predictCustomers({ home, out: stored, signal: stopping.signal });
  stopping.abort(new Error("enough"));
  await expect(predicting).rejects.toThrow("enough");
  expect(readFileSync(stored, "utf8")).toBe(`${[head, ...lines].join("\n")}\n`);
  expect(readdirSync(folder).filter((name) => name.includes("half-written"))).toEqual([]);
});

test("the policy's serving limits hold whatever the flags say, and flags may make them stricter", async () => {
  await joinAll();
  const home = homeOf("alpha");
  const layout = layoutOf(home);
  writePolicy(layout, { ...readPolicy(layout), serve: { mode: "releasedOnly", minSupport: 9 } });
  const out = join(folder, "out.csv");
  for (const looser of [{ mode: "inHouse" }, { minSupport: 8 }] as const) {
    await expect(serve(looser)).rejects.toMatchObject({ code: "TRB_POLICY_SERVING_LOOSER" });
    await expect(predictCustomers({ home, out, ...looser })).rejects.toMatchObject({ code: "TRB_POLICY_SERVING_LOOSER" });
  }
  const serving = await serve({ minSupport: 10 });
  expect((await modelOf(serving)).parts).not.toContain("ownCounts");
  writePolicy(layout, { ...readPolicy(layout), serve: { mode: "inHouse", minSupport: 2 } }); // the merchant changes its mind
  await until("own counts", async () => (await modelOf(serving)).parts.includes("ownCounts"));
});
