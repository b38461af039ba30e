/** What lies on a merchant's disk, by real processes: nothing in plain words, nothing lost with a process, nothing left of who was forgotten. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pseudonymised } from "@tributary/client";
import { sliceHistories } from "@tributary/events";
import { afterAll, expect, test } from "vitest";
import { killAll, type Service, service, temporaryFolder, tributary, tributaryJson, until } from "./processes.ts";
import { joinAll, smallFederation } from "./small-federation.ts";

const folder = temporaryFolder("store");

afterAll(() => {
  killAll();
  folder.remove();
});

/** All files below these, byte for byte, with their names. */
function bytesOf(home: string, isAmong: (name: string) => boolean): Buffer {
  const entries = readdirSync(home, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const chosen = files.filter((path) => isAmong(path.slice(home.length + 1)));
  expect(chosen).not.toEqual([]);
  return Buffer.concat(chosen.flatMap((path) => [Buffer.from(path.slice(home.length)), readFileSync(path)]));
}

async function serving(home: string): Promise<Service & { ask(path: string, body: object): Promise<Record<string, unknown>> }> {
  const process = await service(["node", "serve", "--home", home, "--port", "0"]);
  const token = readFileSync(String(process.ready["tokenFile"]), "utf8").trim();
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const ask = async (path: string, body: object) => {
    const answer = await fetch(`${String(process.ready["url"])}${path}`, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
    });
    return (await answer.json()) as Record<string, unknown>;
  };
  return { ...process, ask };
}

test("the store, the database, the logs and all that a node keeps of its rounds name nobody; live events outlive kill -9; who is forgotten is gone, and the process that serves knows it", {
  timeout: 300_000,
}, async () => {
  const federation = await smallFederation(folder.path, { merchants: 3, rounds: 1, customers: 150 });
  const { platform, parts, catalogue, planFile, catalogueFile } = federation;
  const coordinator = await service([
    ...["coordinator", "start", "--home", platform, "--plan", planFile, "--catalogue", catalogueFile],
    ...["--port", "0", "--start-when", "4"],
  ]);
  await joinAll(federation, folder.path, String(coordinator.ready["url"]));
  const [first] = parts;
  if (first === undefined) throw new Error("there is no merchant");
  const home = federation.home(first.node);
  const newcomer = "somebody-whom-no-log-has";
  const known = first.train.customers.slice(0, 2);
  const [leaving = "", staying = ""] = known;
  const item = catalogue.items[3]?.id;

  let served = await serving(home);
  expect(
    await served.ask("/v1/events", {
      events: [
        { customer: newcomer, item, action: "buy" },
        { customer: leaving, item },
      ],
    }),
  ).toEqual({ accepted: 2, repeated: 0 });
  const basis = (customer: string, wanted: string) =>
    until(
      () => served.ask("/v1/recommend", { customer }),
      (answer) => answer["basis"] === wanted,
    );
  await basis(newcomer, "history");
  const log = served.log();
  await served.kill();
  served = await serving(home);
  await basis(newcomer, "history");
  await basis(leaving, "history");

  const plain = [...first.train.customers, newcomer, ...catalogue.items.flatMap(({ id, title }) => [id, title ?? id])];
  const telling = plain.filter((text) => text.length >= 6); // shorter ones stand in any bytes by chance
  expect(telling.length).toBeGreaterThan(50);
  const kept = bytesOf(home, (name) => /^(store|rounds|keys)\/|^node\.|^ledger/.test(name));
  const logs = Buffer.from(log + served.log() + coordinator.log());
  const named = telling.filter((text) => kept.includes(text) || logs.includes(text));
  expect(named.length, "names that stand in plain words").toBe(0);

  const of = (id: string) =>
    pseudonymised({ home, histories: sliceHistories(first.train, [first.train.customers.indexOf(id)]) });
  const [pseudonym = ""] = of(leaving).customers;
  const list = join(folder.path, "leaving.txt");
  writeFileSync(list, `${leaving}\r\n\nsomebody else\n`);
  const forgotten = await tributaryJson(["node", "forget", "--home", home, "--customers-file", list, "--suppress"]);
  expect(forgotten).toMatchObject({ customers: 2, found: 1, suppressed: true, released: { rounds: [], epsilon: 0 } });
  await basis(leaving, "popularity");
  expect(await served.ask("/v1/events", { events: [{ customer: leaving, item }] })).toMatchObject({ accepted: 0 });
  const everything = bytesOf(home, () => true);
  for (const trace of [leaving, pseudonym, Buffer.from(pseudonym, "hex")]) expect(everything.includes(trace)).toBe(false);

  const rotated = await tributary(["node", "rotate-key", "--home", home]);
  expect(rotated.exitCode).toBe(0);
  expect(of(staying).customers).not.toContain(pseudonym);
  for (const customer of [staying, newcomer]) await basis(customer, "history");
  expect(await served.ask("/v1/events", { events: [{ customer: "another", item }] })).toMatchObject({ accepted: 1 });
  expect(await served.stop("SIGTERM")).toBe(0);
  expect(await tributaryJson(["node", "check", "--home", home])).toMatchObject({
    data: { customers: first.train.customers.length + 1 }, // the newcomer and another came, one went
  });
});
