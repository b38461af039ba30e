/** Merchants that come and go, as processes: four found a federation, a fifth comes, one goes by another key from some round on, and one is revoked. */
import { existsSync, readFileSync } from "node:fs";
import { afterAll, expect, test } from "vitest";
import { verifyFiles } from "../ledger/python.ts";
import { killAll, service, temporaryFolder, tributary, tributaryJson, until } from "./processes.ts";
import { joinAll, ledgerEntries, smallFederation } from "./small-federation.ts";

const folder = temporaryFolder("roster");

afterAll(() => {
  killAll();
  folder.remove();
});

/** Some forty rounds' time of six processes. */
test("a roster changes by the commands that people type, and the ledger of it verifies by both verifiers", {
  timeout: 300_000,
}, async () => {
  const federation = await smallFederation(folder.path, { merchants: 5, rounds: 40 });
  const { platform, parts, planFile, catalogueFile, home } = federation;
  const [a = "", b = "", c = "", d = "", late = ""] = parts.map(({ node }) => node);
  const coordinator = await service([
    ...["coordinator", "start", "--home", platform, "--plan", planFile, "--catalogue", catalogueFile],
    ...["--port", "0", "--start-when", "4"],
  ]);
  const url = String(coordinator.ready["url"]);
  await joinAll({ ...federation, parts: parts.slice(0, 4) }, folder.path, url);
  const start = (node: string) => service(["node", "start", "--home", home(node)]);
  const [, second, third] = await Promise.all([a, b, c, d].map(start));

  const file = `${platform}/ledger.jsonl`;
  const entries = () => (existsSync(file) ? ledgerEntries(platform) : []);
  const rounds = () => entries().filter(({ kind }) => kind === "round");
  const until_ = (what: () => unknown) => until(async () => what(), Boolean, 120);
  const rosterEntry = (field: string) =>
    entries().find((entry) => entry["kind"] === "roster" && (entry[field] as unknown[] | undefined)?.length);
  const roster = async () => {
    const { members, fingerprint } = await tributaryJson(["coordinator", "roster", "--home", platform]);
    const standings = Object.fromEntries(
      (members as { node: string; state: string; from: number | null }[]).map((one) => [one.node, one]),
    );
    return { standings, fingerprint };
  };

  // a fifth comes after round 2
  await until_(() => rounds().length >= 2);
  const { invite } = await tributaryJson(["coordinator", "invite", "--home", platform, "--node", late, "--url", url]);
  const joined = await tributaryJson(["node", "join", String(invite), "--home", home(late)]);
  const founders = entries()[0]?.["roster"] as { node: string }[];
  expect(founders.map(({ node }) => node)).toEqual([a, b, c, d].sort());
  const members = joined["members"] as { node: string; fingerprint: string }[];
  await tributary(["node", "trust", ...members.map(({ fingerprint }) => fingerprint), "--home", home(late)]);
  const columns = "customer=customer,item=item,action=action,time=time";
  await tributaryJson(["node", "import", `${folder.path}/logs/${late}.csv`, "--home", home(late), "--columns", columns]);
  await until_(() => rosterEntry("admitted"));
  await start(late);
  const from = Number(rosterEntry("admitted")?.["from"]);
  await until_(() => rounds().some((round) => (round["cohort"] as string[]).includes(late)));
  const first = rounds().find((round) => (round["cohort"] as string[]).includes(late));
  expect(Number(first?.["round"])).toBeGreaterThanOrEqual(from);
  expect((await roster()).standings[late]).toMatchObject({ state: "member", from });
  const check = await tributary(["node", "check", "--home", home(a)]);
  expect(check.stdout).toContain(`${late} takes part from round ${from} on`);

  // one has another key; it dies once it has told of it, and goes on under the old one until the new one is in force
  const rotation = await tributaryJson(["node", "rotate-identity", "--home", home(b)]);
  const before = readFileSync(`${home(b)}/keys/identity`, "utf8");
  const after = readFileSync(`${home(b)}/keys/identity-next`, "utf8");
  await until_(() => rosterEntry("rotated"));
  await second?.kill();
  expect([before, after]).toContain(readFileSync(`${home(b)}/keys/identity`, "utf8"));
  await start(b);
  const inForce = Number(rosterEntry("rotated")?.["from"]);
  await until_(() => rounds().some((one) => Number(one["round"]) >= inForce && (one["cohort"] as string[]).includes(b)));
  await until_(
    () => readFileSync(`${home(b)}/keys/identity`, "utf8") === after && !existsSync(`${home(b)}/keys/identity-next`),
  );
  expect(rotation).toMatchObject({ from: null, fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) });
  const afterwards = (await roster()).standings[b];
  expect(afterwards).toMatchObject({ state: "member", fingerprint: rotation["fingerprint"], next: null });

  // one is revoked: its process ends at once, with the reason
  await tributaryJson(["coordinator", "revoke", "--home", platform, "--node", c, "--reason", "it left"]);
  expect(await third?.exit).toBe(3);
  expect(third?.log()).toContain("TRB_COORDINATOR_NODE_REVOKED");
  await until_(() => entries().some((entry) => (entry["revoked"] as string[] | undefined)?.includes(c)));
  const revoked = entries().findIndex((entry) => (entry["revoked"] as string[] | undefined)?.includes(c));
  await until_(
    () =>
      entries()
        .slice(revoked)
        .filter(({ kind }) => kind === "round").length >= 2,
  );
  for (const round of entries()
    .slice(revoked)
    .filter(({ kind }) => kind === "round")) {
    expect((round["cohort"] as string[]).includes(c)).toBe(false);
  }
  expect((await roster()).standings[c]).toMatchObject({ state: "revoked", entry: revoked });

  expect(await coordinator.stop("SIGTERM")).toBe(0);
  expect(await tributaryJson(["ledger", "verify", file])).toMatchObject({ verified: true });
  const { verdicts } = verifyFiles([readFileSync(file)]);
  expect(verdicts[0]).toMatchObject({ verified: true, findings: [] });
});
