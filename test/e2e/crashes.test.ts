import { afterAll, expect, test } from "vitest";
import { killAll, type Service, service, temporaryFolder, tributaryJson, until } from "./processes.ts";
import { joinAll, ledgerEntries, smallFederation } from "./small-federation.ts";

const folder = temporaryFolder("crashes");

afterAll(() => {
  killAll();
  folder.remove();
});

interface Status {
  readonly round: number;
  readonly phase: string;
  readonly connected: readonly string[];
}

test("nodes and coordinator killed with -9 in mid-round come back: the run finishes, no round counts twice, the ledger verifies", {
  timeout: 150_000,
}, async () => {
  const federation = await smallFederation(folder.path, { merchants: 5, rounds: 10 });
  const { platform, parts, home } = federation;
  const start = (port: number) =>
    service([
      ...["coordinator", "start", "--home", platform, "--plan", federation.planFile, "--catalogue", federation.catalogueFile],
      ...["--port", String(port), "--start-when", String(parts.length), "--until-done"],
    ]);
  let coordinator = await start(0);
  const port = Number(coordinator.ready["port"]);
  await joinAll(federation, folder.path, String(coordinator.ready["url"]));
  const startNode = (node: string) =>
    service(["node", "start", "--home", home(node), "--training-threads", "2", "--until-done"]);
  const nodes = new Map<string, Service>();
  for (const { node } of parts) nodes.set(node, await startNode(node));

  const status = async (): Promise<Status> => (await (await fetch(`http://127.0.0.1:${port}/v1/status`)).json()) as Status;
  const reach = (round: number, ...phases: string[]) =>
    until(status, (now) => now.round > round || (now.round === round && phases.includes(now.phase)));

  // a node before its vector is persisted, and the same one again at once
  await reach(2, "shares", "masked");
  await nodes.get("merchant-2")?.kill();
  nodes.set("merchant-2", await startNode("merchant-2"));
  await until(status, ({ connected }) => connected.includes("merchant-2"));
  // the coordinator while uploads come in
  await reach(3, "masked");
  await coordinator.kill();
  coordinator = await start(port);
  // a node with its vote or upload on the way, and the coordinator, together
  await reach(4, "consistency", "unmask", "masked");
  await Promise.all([nodes.get("merchant-4")?.kill(), coordinator.kill()]);
  nodes.set("merchant-4", await startNode("merchant-4")); // first: what is left of the run is over in seconds
  coordinator = await start(port);

  const exits = await Promise.all([coordinator, ...nodes.values()].map((one) => one.exit));
  expect(exits).toEqual([coordinator, ...parts].map(() => 0));

  const verdict = await tributaryJson(["ledger", "verify", `${platform}/ledger.jsonl`]);
  expect(verdict["verified"]).toBe(true);
  expect(verdict["complete"]).toBe(true);
  const entries = ledgerEntries(platform);
  const rounds = entries
    .filter((entry) => entry["kind"] === "round" || entry["kind"] === "aborted")
    .map((entry) => Number(entry["round"]));
  expect(new Set(rounds).size).toBe(rounds.length);
  expect(rounds).toEqual([...rounds].sort((a, b) => a - b));
  expect(entries.at(-1)?.["kind"]).toBe("closing");
  for (const { node } of parts) {
    expect(ledgerEntries(home(node))).toEqual(entries);
    const budget = await tributaryJson(["node", "budget", "--home", home(node)]);
    expect(Number(budget["spent"])).toBeLessThanOrEqual(Number(budget["limit"]));
  }
});
