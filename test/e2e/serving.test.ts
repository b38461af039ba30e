/** One merchant's way through real processes: join, import, rounds, serve, and every question over HTTP, answered by what the federation released. */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { killAll, service, temporaryFolder, until } from "./processes.ts";
import { joinAll, ledgerEntries, smallFederation } from "./small-federation.ts";

const folder = temporaryFolder("serving");

afterAll(() => {
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

  const log = serving.log();
  for (const id of ["somebody-new", String(customer), token]) expect(log).not.toContain(id);
  expect(await serving.stop("SIGTERM")).toBe(0);
  await coordinator.stop("SIGTERM");
});
