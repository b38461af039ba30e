/** One merchant's way through real processes: join, import, rounds, serve, and every question over HTTP, answered by what the federation released. */
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { holdOut, nodeBudget } from "@tributary/client";
import { afterAll, expect, test } from "vitest";
import { commandsInOneProcess, killAll, service, temporaryFolder, until } from "./processes.ts";
import { joinAll, ledgerEntries, smallFederation } from "./small-federation.ts";

const folder = temporaryFolder("serving");
const { tributary, tributaryJson, close } = commandsInOneProcess();

const long = process.env["TRIBUTARY_LONG"] === "1";
/** Registers a test in long mode, and nothing otherwise: it is not skipped, it is not of that suite. */
const longOnly: (name: string, options: { readonly timeout: number }, act: () => Promise<void>) => void = long
  ? test
  : () => {};

afterAll(() => {
  close();
  killAll();
  folder.remove();
});

test("a node serves beside its rounds, goes over to what they released, and answers every question", {
  timeout: 120_000,
}, async () => {
  const federation = await smallFederation(folder.path, { merchants: 3, rounds: 1, customers: 1500, statistics: {} });
  const { platform, parts, catalogue, home, planFile, catalogueFile } = federation;
  const coordinator = await service([
    ...["coordinator", "start", "--home", platform, "--plan", planFile, "--catalogue", catalogueFile],
    ...["--port", "0", "--start-when", "3"],
  ]);
  await joinAll(federation, folder.path, String(coordinator.ready["url"]));
  const [first] = parts;
  if (first === undefined) throw new Error("there is no merchant");
  const merchant = home(first.node);
  const early = await tributary(["node", "report", "--home", merchant, "--value", "--json"]);
  expect([early.exitCode, early.stdout]).toEqual([1, expect.stringContaining("TRB_VALUE_NO_MODEL")]);
  expect(await holdOut({ home: merchant, share: 0.3 })).toEqual({ share: 0.3, clean: true, reason: null });
  const serving = await service(["node", "serve", "--home", merchant, "--port", "0"]);
  const { url, tokenFile } = serving.ready;
  expect(tokenFile).toBe(join(merchant, "keys", "serve-token"));
  expect(statSync(String(tokenFile)).mode & 0o777).toBe(0o600);
  const token = readFileSync(String(tokenFile), "utf8").trim();
  const ask = async (path: string, body?: object, authorization = `Bearer ${token}`) => {
    const headers = { authorization, "content-type": "application/json" };
    const sent = body === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(body) };
    const answer = await fetch(`${String(url)}${path}`, sent);
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  expect(await ask("/v1/recommend", { customer: "nobody" }, "Bearer of nothing")).toMatchObject({ status: 401 });

  const nodes = await Promise.all(parts.map(({ node }) => service(["node", "start", "--home", home(node), "--until-done"])));
  expect(await Promise.all(nodes.map(({ exit }) => exit))).toEqual([0, 0, 0]);
  const last = ledgerEntries(merchant).findLast(({ kind }) => kind === "round");
  const model = async () =>
    (await ask("/v1/health")).body["model"] as { readonly hash: string | null; readonly parts: string[] };
  await until(model, ({ hash }) => hash === last?.["nextModelHash"]);
  expect((await model()).parts).toContain("releasedStatistics");

  const customer = first.train.customers.find((_, c) => (first.train.offsets[c + 1] ?? 0) - (first.train.offsets[c] ?? 0) >= 5);
  const item = catalogue.items[4]?.id;
  const recommended = await ask("/v1/recommend", { customer, k: 7, diversity: 0.3 });
  expect(recommended).toMatchObject({ status: 200, body: { basis: "history", model: { source: "released" } } });
  expect(recommended.body["items"]).toHaveLength(7);
  expect(await ask("/v1/recommend", { customer: "nobody" })).toMatchObject({ status: 200, body: { basis: "popularity" } });
  expect(await ask("/v1/next-action", { customer })).toMatchObject({ status: 200, body: { by: "ownChain", basis: "history" } });
  const churn = await ask("/v1/churn", { customer });
  expect([churn.status, churn.body["by"] ?? churn.body["error"]]).toEqual([200, "ownModel"]);
  const candidates = catalogue.items.slice(0, 5).map(({ id }, place) => ({ item: id, bid: 1 + place }));
  const adverts = await ask("/v1/ads/rank", { customer, candidates });
  expect(adverts.status).toBe(200);
  expect(adverts.body["ranked"]).toHaveLength(5);
  const explained = await ask("/v1/explain", { customer, item });
  expect(explained).toMatchObject({ status: 200, body: { item, method: "deletion" } });
  expect(explained.body["events"]).not.toEqual([]);
  expect(await ask("/v1/events", { events: [{ customer: "somebody-new", item }] })).toMatchObject({ body: { accepted: 1 } });
  expect(await ask("/v1/recommend", { customer: "somebody-new" })).toMatchObject({ body: { basis: "history" } });

  // everybody at once, beside the process that serves
  const ids = join(folder.path, "ids.txt");
  writeFileSync(ids, `${String(customer)}\nnobody\n`);
  const out = join(folder.path, "predictions.jsonl");
  const predicted = await tributaryJson(["node", "predict", "--home", merchant, "--out", out, "--customers", ids, "--k", "7"]);
  expect(predicted).toMatchObject({ customers: 2, unknown: 1, model: { source: "released" } });
  const [row] = readFileSync(out, "utf8").split("\n");
  const served = (await ask("/v1/recommend", { customer, k: 7 })).body["items"] as { readonly item: string }[];
  expect(JSON.parse(String(row))).toMatchObject({ customer, known: true, items: served.map(({ item: one }) => one) });

  const log = serving.log();
  for (const id of ["somebody-new", String(customer), token]) expect(log).not.toContain(id);
  expect(await serving.stop("SIGTERM")).toBe(0);

  // no round trained attention: what is tuned in-house is the mixture, and nothing else is claimed
  const personal = await tributaryJson(["node", "personalise", "--home", merchant]);
  expect(personal).toMatchObject({ tuned: "mixture", kept: false, layers: [], model: { hash: last?.["nextModelHash"] } });
  const quality = folder.file("quality.html");
  expect((await tributaryJson(["node", "report", "--home", merchant, "--out", quality]))["customers"]).toBeGreaterThan(0);
  expect(statSync(quality).mode & 0o777).toBe(0o600);
  const page = folder.file("value.html");
  writeFileSync(page, "", { mode: 0o644 });
  const report = await tributaryJson(["node", "report", "--home", merchant, "--value", page]);
  const { heldOut, verdict, epsilon } = report as {
    heldOut: { evaluated: number };
    verdict: { sentence: string };
    epsilon: object;
  };
  expect(heldOut).toMatchObject({ clean: true, by: ["node"] });
  for (const name of ["floor", "popularity", "local", "federated", "joined"]) {
    const block = report[name] as { ndcg10: number; customers: number; intervals: { ndcg10: [number, number] } };
    expect(block.customers).toBe(heldOut.evaluated);
    expect(block.intervals.ndcg10[0]).toBeLessThanOrEqual(block.ndcg10);
    expect(block.intervals.ndcg10[1]).toBeGreaterThanOrEqual(block.ndcg10);
  }
  expect(report).not.toHaveProperty("personalised");
  expect(verdict).toMatchObject({ verdict: expect.stringMatching(/^(pays|doesNotPay|cannotTell)$/), of: "joined" });
  expect(epsilon).toMatchObject({ spent: (await nodeBudget({ home: merchant })).spent });
  expect(statSync(page).mode & 0o777).toBe(0o600);
  const html = readFileSync(page, "utf8");
  for (const text of ["Customer 5", "mode 600", verdict.sentence.slice(0, 40)]) expect(html).toContain(text);
  for (const id of first.train.customers) for (const text of [html, JSON.stringify(report)]) expect(text).not.toContain(id);
  await coordinator.stop("SIGTERM");
});

longOnly(
  "where rounds train attention, chosen layers are fine-tuned and judged against what serves without",
  { timeout: 240_000 },
  async () => {
    const own = folder.file("attention");
    const federation = await smallFederation(own, {
      ...{ merchants: 3, rounds: 1, customers: 1500, statistics: { trainingShare: 0.3 } },
    });
    const { platform, parts, home, planFile, catalogueFile } = federation;
    const coordinator = await service([
      ...["coordinator", "start", "--home", platform, "--plan", planFile, "--catalogue", catalogueFile],
      ...["--port", "0", "--start-when", "3"],
    ]);
    await joinAll(federation, own, String(coordinator.ready["url"]));
    const [first] = parts;
    if (first === undefined) throw new Error("there is no merchant");
    const merchant = home(first.node);
    expect(await tributaryJson(["node", "holdout", "--home", merchant, "--share", "0.3"])).toMatchObject({ clean: true });
    const nodes = await Promise.all(parts.map(({ node }) => service(["node", "start", "--home", home(node), "--until-done"])));
    expect(await Promise.all(nodes.map(({ exit }) => exit))).toEqual([0, 0, 0]);

    const misnamed = await tributary(["node", "personalise", "--home", merchant, "--layers", "last-blok"]);
    expect([misnamed.exitCode, misnamed.stderr]).toEqual([2, expect.stringContaining("Did you mean last-block?")]);
    const personal = await tributaryJson([
      "node",
      "personalise",
      "--home",
      merchant,
      "--layers",
      "last-block",
      "--epochs",
      "3",
    ]);
    expect(personal).toMatchObject({ tuned: "attention", layers: expect.arrayContaining(["final.gain"]) });
    const report = await tributaryJson(["node", "report", "--home", merchant, "--value", "--seconds", "5"]);
    expect("personalised" in report).toBe(personal["kept"]);
    expect(report["localAttention"]).toMatchObject({ stopped: expect.any(String) });
    expect(await tributaryJson(["node", "holdout", "--home", merchant, "--share", "0.4"])).toEqual({
      ...{ share: 0.4, clean: false, reason: "rounds" },
    });
    await coordinator.stop("SIGTERM");
  },
);
