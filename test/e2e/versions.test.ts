/**
 * Real processes of three builds: today's, one whose protocol has a newer minor with a field more, and one of the next major. The first
 * two finish rounds together under a newer coordinator, spoken in the older minor; the third is refused with its code.
 */
import { mkdirSync } from "node:fs";
import { afterAll, expect, test } from "vitest";
import { type Change, otherBuild } from "./builds.ts";
import { killAll, service, temporaryFolder, tributaryJson, until } from "./processes.ts";
import { joinAll, ledgerEntries, smallFederation } from "./small-federation.ts";

const folder = temporaryFolder("versions");

afterAll(() => {
  killAll();
  folder.remove();
});

const speaks = (version: string): Change => ({
  file: "packages/protocol/src/messages/versions.ts",
  from: 'protocolVersion = "1.0"',
  to: `protocolVersion = "${version}"`,
});
/** A newer minor's adverts name their software, to those who understand. */
const newField: readonly Change[] = [
  {
    file: "packages/protocol/src/messages/schemas.ts",
    from: "    seedCommitment: sha256Hex,\n",
    to: "    seedCommitment: sha256Hex,\n    software: z.string().max(64).exactOptional(),\n",
  },
  {
    file: "packages/federation/src/steps/offer.ts",
    from: "    seedCommitment: seedCommitment(crypto, ownSeed),\n",
    to: '    seedCommitment: seedCommitment(crypto, ownSeed),\n    ...(offer.version === "1.1" ? { software: "newer" } : {}),\n',
  },
];

test("nodes of today's build and of a newer minor finish rounds; another major is refused", { timeout: 150_000 }, async () => {
  for (const name of ["newer", "next", "federation"]) mkdirSync(folder.file(name));
  const newer = otherBuild(folder.file("newer"), [speaks("1.1"), ...newField]);
  const next = otherBuild(folder.file("next"), [speaks("2.0")]);
  // steps end when everybody has answered: on a machine that is busy nobody must be left behind
  const long = 30_000;
  const deadlines = { keys: long, shares: long, masked: long, consistency: long, unmask: long };
  const federation = await smallFederation(folder.file("federation"), { merchants: 5, rounds: 2, deadlines });
  const { platform, parts, home } = federation;
  const coordinator = await service(
    [
      ...["coordinator", "start", "--home", platform, "--plan", federation.planFile, "--catalogue", federation.catalogueFile],
      ...["--port", "0", "--start-when", "4", "--until-done"],
    ],
    { script: newer },
  );
  await joinAll(federation, folder.file("federation"), String(coordinator.ready["url"]));
  const start = (place: number, script?: string) =>
    service(
      ["node", "start", "--home", home(parts[place]?.node ?? ""), "--until-done"],
      script === undefined ? {} : { script },
    );

  const stranger = await start(4, next);
  expect(await stranger.exit).not.toBe(0);
  expect(stranger.log()).toContain("TRB_ROUND_VERSION_UNKNOWN");

  const nodes = await Promise.all([start(0), start(1), start(2, newer), start(3, newer)]);
  await until(
    async () => ledgerEntries(platform).length,
    (entries) => entries >= 4,
    100,
  );
  expect(await Promise.all([coordinator, ...nodes].map(({ exit }) => exit))).toEqual([0, 0, 0, 0, 0]);

  const entries = ledgerEntries(platform);
  expect(entries.map((entry) => entry["kind"])).toEqual(["genesis", "round", "round", "closing"]);
  for (const entry of entries.slice(1, 3)) {
    expect(entry["survivors"]).toEqual(parts.slice(0, 4).map(({ node }) => node));
    expect(entry).not.toHaveProperty("protocol"); // spoken in 1.0
  }
  for (const script of [undefined, newer]) {
    const verdict = await tributaryJson(
      ["ledger", "verify", `${platform}/ledger.jsonl`],
      script === undefined ? {} : { script },
    );
    expect(verdict).toMatchObject({ verified: true, complete: true });
  }
});
