/**
 * A coordinator that offers a plan which promises less than it says, correctly signed with its key, to a merchant who joins by the command. Nothing of it is
 * kept, nothing is spent, and the exit code says whose fault it was.
 */
import { existsSync, readdirSync } from "node:fs";
import { coordinatorIdentity, createInvite } from "@tributary/coordinator";
import { hashOf, type Plan, signStatement } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { killAll, service, temporaryFolder, tributary, tributaryJson } from "../../e2e/processes.ts";
import { type SmallFederation, smallFederation } from "../../e2e/small-federation.ts";
import { finding } from "../finding.ts";
import { type Liar, startLiar } from "./between.ts";

const folder = temporaryFolder("false-plans");
const crypto = nodeCrypto();
let federation: SmallFederation;
let liar: Liar;
let homes = 0;

beforeAll(async () => {
  federation = await smallFederation(folder.path, { merchants: 3, rounds: 2, customers: 90 });
  const { platform, planFile, catalogueFile } = federation;
  const coordinator = await service([
    ...["coordinator", "start", "--home", platform, "--plan", planFile, "--catalogue", catalogueFile, "--port", "0"],
  ]);
  liar = await startLiar(() => String(coordinator.ready["url"]), platform);
}, 120_000);

afterAll(async () => {
  killAll();
  await liar?.close();
  folder.remove();
});

/** The same answer to whoever joins, with a plan changed and signed again. */
function offering(change: (plan: Plan) => object): void {
  liar.answer = (path, body) => {
    if (path !== "/v1/join") return body;
    const answer = JSON.parse(body.toString("utf8")) as { plan: Plan };
    const plan = { ...answer.plan, ...change(answer.plan) };
    const statement = { purpose: "plan", planHash: hashOf(crypto, plan) } as const;
    return Buffer.from(
      JSON.stringify({ ...answer, plan, planSignature: signStatement(coordinatorIdentity(federation.platform), statement) }),
    );
  };
}

const replaced = (body: Buffer, what: RegExp, by: string) => Buffer.from(body.toString("utf8").replace(what, by));

/** `tributary node join` to a home of its own. */
async function join() {
  const node = `merchant-${(homes += 1)}`;
  const { invite } = await createInvite({ home: federation.platform }, { node, url: liar.url, hours: 1 });
  const home = folder.file(node);
  return { home, invite, ...(await tributary(["node", "join", invite, "--home", home])) };
}

/** `pnpm test` tells the first of each list; `pnpm test:attacks` all. */
const some = <Case>(cases: readonly Case[]): readonly Case[] =>
  process.env["TRIBUTARY_LONG"] === "1" ? cases : cases.slice(0, 1);

const withRelease = ({ releases: [first, ...rest] }: Plan, changes: object) => ({
  releases: [{ ...first, ...changes }, ...rest],
});

type FalsePlan = readonly [what: string, change: (plan: Plan) => object, code: string, exit: number];

const unsound: readonly FalsePlan[] = [
  ["understates ε", () => ({ epsilon: "0.5" }), "TRB_PLAN_EPSILON_UNDERSTATED", 3],
  ["hardly clips: a norm of a million", (plan) => withRelease(plan, { clipNorm: "1000000" }), "TRB_DP_GRID_TOO_FINE", 2],
  ["adds next to no noise", (plan) => withRelease(plan, { noiseMultiplier: "0.001" }), "TRB_PLAN_", 3],
  ["has noise added by the coordinator", () => ({ noiseMode: "central" }), "TRB_PLAN_CENTRAL_NOISE", 3],
  ["lets corrupt nodes fill a cohort", (plan) => ({ maxCorrupt: plan.minCohort }), "TRB_PLAN_", 3],
  [
    "names tensors by forty stars, to hang whoever reads it",
    () => ({ trained: [`${"*".repeat(40)}x`] }),
    "TRB_PLAN_TRAINED_UNFIT",
    2,
  ],
  ["has a cohort of one", () => ({ minCohort: 1, maxCorrupt: 0 }), "TRB_NODE_COORDINATOR_ANSWER", 1],
];

test.for(some(unsound))(
  "a plan that %s is refused by who joins",
  { timeout: 60_000 },
  async ([what, change, code, exit], context) => {
    offering(change);
    const { exitCode, stderr, home } = await join();
    const told = /TRB_[A-Z_]+/.exec(stderr)?.[0] ?? "no code";
    const { spent } = await tributaryJson(["node", "budget", "--home", home]);
    expect(existsSync(`${home}/plan.json`)).toBe(false);
    finding(context, {
      what: `a signed plan that ${what}`,
      result: `${told}, exit ${exitCode}, ε ${String(spent)} spent`,
      held: told.startsWith(code) && exitCode === exit && spent === 0,
    });
  },
);

const unwanted: readonly FalsePlan[] = [
  ["names another training graph, one without clipping", () => ({ graphHash: "5".repeat(64) }), "TRB_PLAN_GRAPH_MISMATCH", 3],
  ["has a catalogue made from behaviour", () => ({ catalogueProvenance: "log" }), "TRB_PLAN_CATALOGUE", 3],
];

test.for(some(unwanted))(
  "a plan that %s is refused by the node",
  { timeout: 60_000 },
  async ([what, change, code, exit], context) => {
    offering(change);
    const { home } = await join();
    const { exitCode, stdout, stderr } = await tributary(["node", "check", "--home", home, "--json"]);
    const codes = [...(stdout + stderr).matchAll(/TRB_PLAN_[A-Z_]+/g)].map(([found]) => found);
    const { spent } = await tributaryJson(["node", "budget", "--home", home]);
    finding(context, {
      what: `a signed plan that ${what}`,
      result: `${codes[0] ?? "no code"}, exit ${exitCode}, ε ${String(spent)} spent`,
      held: codes.some((found) => found.startsWith(code)) && exitCode === exit && spent === 0,
    });
  },
);

test("a plan that somebody else signed, another's key, and a false catalogue are nothing that a node keeps", {
  timeout: 120_000,
}, async (context) => {
  const lies: readonly (readonly [string, Liar["answer"]])[] = [
    ["a proof of another key", (path, body) => (path === "/v1/identity" ? replaced(body, /"key":"../, '"key":"00') : body)],
    [
      "a plan under a false signature",
      (path, body) => (path === "/v1/join" ? replaced(body, /"planSignature":"../, '"planSignature":"00') : body),
    ],
    [
      "a catalogue with other octets",
      (path, body) => (path.startsWith("/v1/blobs/") ? Buffer.concat([body, Buffer.from(" ")]) : body),
    ],
  ];
  for (const [what, answer] of some(lies)) {
    liar.answer = answer;
    const { exitCode, stderr, home, invite } = await join();
    const told = /TRB_[A-Z_]+/.exec(stderr)?.[0] ?? "no code";
    const { token } = JSON.parse(Buffer.from(invite, "base64url").toString("utf8")) as { token: string };
    const sent = liar.bodies.some((body) => body.includes(token));
    const keeps = existsSync(home) ? readdirSync(home).includes("plan.json") : false;
    finding(context, {
      what,
      result: `${told}, exit ${exitCode}, ${sent ? "the invite was shown" : "the invite's token was never sent"}`,
      held: told.startsWith("TRB_NODE_") && exitCode !== 0 && !keeps && (what !== "a proof of another key" || !sent),
    });
  }
});
