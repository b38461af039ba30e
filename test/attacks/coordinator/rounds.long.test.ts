/**
 * Rounds of real node processes and a real coordinator process, with a liar between them that holds the coordinator's key (`between.ts`). merchant-1 is told
 * every lie of `lies.ts` beside the honest rounds; merchant-4 is told that a round it paid for was given up for nothing; merchant-5 trusts two others
 * and is shown a cohort without one of them, among the platform's own nodes.
 */
import { readFileSync } from "node:fs";
import { importEvents, joinFederation, trustPeers } from "@tributary/client";
import { coordinatorIdentity, createInvite } from "@tributary/coordinator";
import { emptyHead, headAfter, parseLine, placeAfter, signEntry, spentAfter } from "@tributary/ledger";
import type { Message, MessageOf, NodeId } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { killAll, type Service, service, temporaryFolder, tributary, tributaryJson } from "../../e2e/processes.ts";
import { ledgerEntries, type SmallFederation, smallFederation } from "../../e2e/small-federation.ts";
import { finding } from "../finding.ts";
import { type Liar, startLiar } from "./between.ts";
import { falseEntries, liesTo } from "./lies.ts";

const folder = temporaryFolder("lying");
const crypto = nodeCrypto();
const lies = liesTo("merchant-1" as NodeId, "merchant-2" as NodeId);
/** What each lie was answered, by its place in `lies`. */
const answers: (string | undefined)[] = lies.map(() => undefined);
/** What merchant-4 said to the round that was given up. */
let abandoned = "";
/** What merchant-5 refused. */
const lonely: string[] = [];
const exits = new Map<string, number | null>();
let federation: SmallFederation;
let liar: Liar;
let nodes: ReadonlyMap<string, Service>;

beforeAll(async () => {
  federation = await smallFederation(folder.path, {
    merchants: 6,
    rounds: 2,
    customers: 180,
    // merchant-5 falls silent after its keys, merchant-4 before its vote: these two phases are waited for to the end
    deadlines: { uploadOffset: 1500, keys: 60_000, shares: 6000, masked: 30_000, consistency: 6000, unmask: 6000 },
  });
  const { platform, planFile, catalogueFile, parts } = federation;
  let behind = "";
  liar = await startLiar(() => behind, platform);
  const coordinator = await service([
    ...["coordinator", "start", "--home", platform, "--plan", planFile, "--catalogue", catalogueFile],
    ...["--port", "0", "--start-when", "6", "--json"],
  ]);
  behind = String(coordinator.ready["url"]);
  const fingerprints = new Map<string, string>();
  for (const { node } of parts) {
    const { invite } = await createInvite({ home: platform }, { node, url: liar.url, hours: 1 });
    fingerprints.set(node, (await joinFederation({ invite, home: federation.home(node) })).fingerprint);
  }
  for (const { node } of parts) {
    const home = federation.home(node);
    const known = [...fingerprints].filter(([name]) => node !== "merchant-5" || ["merchant-1", "merchant-2"].includes(name));
    await trustPeers({ home, fingerprints: known.map(([, fingerprint]) => fingerprint) });
    const columns = { customer: "customer", item: "item", action: "action", time: "time" };
    await importEvents({ home, files: [`${folder.path}/logs/${node}.csv`], columns });
  }
  liar.before = tellLies();
  // of new entries these hear by the message alone, and so from the liar
  liar.news = (node, entries) => entries <= 1 || !["merchant-1", "merchant-2", "merchant-4"].includes(node);
  const started = await Promise.all(
    parts.map(async ({ node }) => {
      const process = await service(["node", "start", "--home", federation.home(node), "--until-done", "--json"]);
      void process.exit.then((code) => exits.set(node, code));
      return [node, process] as const;
    }),
  );
  nodes = new Map(started);
  await Promise.all(started.map(([, { exit }]) => exit));
}, 300_000);

afterAll(async () => {
  killAll();
  await liar?.close();
  folder.remove();
});

function tellLies(): Liar["before"] {
  const earlier: Message[] = [];
  const saidTo = async (message: Message, after: boolean) => {
    for (const [place, { round, step, ...lie }] of lies.entries()) {
      if (answers[place] !== undefined || step !== message.step || round !== message.round || lie.after !== after) continue;
      answers[place] = await liar.tell("merchant-1", lie.tell(liar, message, earlier));
    }
  };
  return async (node, message) => {
    if (node === "merchant-4" && message.round === 2) return abandon(message);
    if (node === "merchant-5" && message.step === "adverts") {
      // of those whom it trusts one is left out: too few among so many of the platform's
      const adverts = message.body.adverts.filter(({ sender }) => sender !== "merchant-1");
      lonely.push(await liar.tell(node, liar.forge(message, {}, { adverts })));
      return false;
    }
    if (node === "merchant-2" && message.step === "result" && message.round === 2 && !isClosing(message)) {
      sayLast(node, understating(message));
      return false;
    }
    if (node !== "merchant-1" || isClosing(message)) return true;
    await saidTo(message, false);
    // told here, so that its answer is waited for
    const told = await liar.tell("merchant-1", message);
    if (told !== "accepted") throw new Error(`the honest ${message.step} was refused after the lies: ${told}`);
    await saidTo(message, true);
    earlier.push(message);
    return false;
  };
}

/** What ends a node: whether its answer still comes nobody knows. */
function sayLast(node: string, message: Message): void {
  liar.tell(node, message).catch(() => undefined);
}

/** The code that a node ended by, from its log. */
function endedBy(log: string): string {
  const last = log.split("\n").find((line) => line.includes("the node can't go on")) ?? "";
  return /TRB_[A-Z_]+/.exec(last)?.[0] ?? `no code: ${log.slice(-300)}`;
}

function understating(result: MessageOf<"result">): Message {
  const [lie] = falseEntries;
  if (lie === undefined) throw new Error("no false entries");
  return liar.forge(result, {}, { entry: liar.forgeLine(result.body.entry, lie.change) });
}

const isClosing = (message: Message) => message.step === "result" && parseLine(message.body.entry).kind !== "round";

/** merchant-4 has paid for round 2, and is told that it was given up without a charge; the truth comes afterwards. */
async function abandon(message: Message): Promise<boolean> {
  if (message.step === "survivors") abandoned = await liar.tell("merchant-4", await falseAbort(message));
  if (message.step === "result" && !isClosing(message)) sayLast("merchant-4", message);
  return message.step === "offer" || message.step === "adverts" || message.step === "envelopes";
}

async function falseAbort(survivors: MessageOf<"survivors">): Promise<MessageOf<"abort">> {
  const { platform, plan } = federation;
  const lines = readFileSync(`${platform}/ledger.jsonl`, "utf8").split("\n").slice(0, -1);
  const head = lines.reduce((before, line) => headAfter(crypto, before, line), emptyHead);
  const last = parseLine(lines.at(-1) ?? "");
  const { planHash, modelHash, round, body } = survivors;
  const { line } = signEntry(coordinatorIdentity(platform), {
    ...placeAfter(crypto, head),
    ...{ kind: "aborted", at: last.at, software: last.software, round, release: 0, planHash, modelHash },
    ...{ code: "TRB_ROUND_ABORT_VOTED", step: "consistency", charged: false, votes: [], h1: body.h1 },
    ...{ cohort: body.survivors, spent: spentAfter(plan, [1]) },
  });
  return liar.say(survivors, "abort", { code: "TRB_ROUND_ABORT_VOTED", entry: line });
}

const budgetOf = (node: string) => tributaryJson(["node", "budget", "--home", federation.home(node)]);

test.for(lies.map((lie, place) => ({ ...lie, place })))(
  "$what: refused, and the round goes on",
  ({ what, codes, place }, context) => {
    const answer = answers[place] ?? "never told";
    finding(context, { what: `a coordinator's lie: ${what}`, result: answer, held: codes.includes(answer) });
  },
);

test("who was lied to was in both rounds, and ended well", async (context) => {
  const rounds = ledgerEntries(federation.platform).filter(({ kind }) => kind === "round");
  expect(rounds.map(({ survivors }) => survivors)).toEqual([
    ["merchant-1", "merchant-2", "merchant-3", "merchant-4", "merchant-6"],
    ["merchant-1", "merchant-2", "merchant-3", "merchant-4", "merchant-6"],
  ]);
  const { spent, byKind } = (await budgetOf("merchant-1")) as never as Budget;
  const [{ charged, refunded }] = byKind;
  finding(context, {
    what: "the budget of a node that was told all these lies",
    result: `${charged} rounds charged, ${refunded} refunded, ε ${spent}; exit ${exits.get("merchant-1")}`,
    held: charged === 2 && refunded === 0 && exits.get("merchant-1") === 0 && Number(spent) <= Number(federation.plan.epsilon),
  });
});

test("no node said anything twice, or gave both secrets of any node away", (context) => {
  const words = new Map<string, Set<string>>();
  const kinds = new Map<string, Set<string>>();
  for (const { node, message } of liar.said) {
    add(words, `${node} ${message.round} ${message.step}`, JSON.stringify(message));
    if (message.step !== "unmaskShares") continue;
    for (const kind of ["ownMask", "maskKey"] as const) {
      for (const { node: of } of message.body[kind]) add(kinds, `${message.round} ${of}`, kind);
    }
  }
  const different = [...words].filter(([, said]) => said.size > 1).map(([which]) => which);
  const both = [...kinds].filter(([, given]) => given.size > 1).map(([which]) => which);
  const voted = liar.said.filter(({ message }) => message.step === "vote").length;
  expect(voted).toBeGreaterThan(6);
  finding(context, {
    what: "two votes, two vectors, or both secrets of one node, by what passed the liar",
    result: `${liar.said.length} messages, ${[...different, ...both].join(", ") || "none of these"}`,
    held: different.length === 0 && both.length === 0,
  });
});

test("a round that was paid for stays charged, whatever a signed entry says of it; and the truth beside it is a fork", async (context) => {
  const { byKind } = (await budgetOf("merchant-4")) as never as Budget;
  const [{ charged, refunded }] = byKind;
  finding(context, {
    what: "an entry that gives a round up and says that it cost nothing",
    result: `${abandoned}; ${charged} rounds charged, ${refunded} refunded`,
    held: charged === 2 && refunded === 0,
  });
  const [code, exit] = [endedBy(nodes.get("merchant-4")?.log() ?? ""), exits.get("merchant-4")];
  finding(context, {
    what: "a forked ledger: the truth after a lie that was taken in",
    result: `${code}, exit ${exit}`,
    held: code === "TRB_ROUND_LEDGER_FORKED" && exit === 4,
  });
});

test("a node that is shown false entries stops, exit 4, each time it is started; and goes on with the truth", async (context) => {
  const [code, exit] = [endedBy(nodes.get("merchant-2")?.log() ?? ""), exits.get("merchant-2")];
  finding(context, {
    what: "an entry that understates ε, in a message",
    result: `${code}, exit ${exit}`,
    held: code === "TRB_ROUND_ENTRY_INVALID" && exit === 4,
  });
  const start = ["node", "start", "--home", federation.home("merchant-2"), "--until-done", "--json"];
  const showing = (change: (lines: string[]) => string[]) => {
    liar.answer = (path, body) =>
      path.endsWith("/v1/ledger")
        ? Buffer.from(
            change(linesOf(body))
              .map((line) => `${line}\n`)
              .join(""),
          )
        : body;
    return tributary(start);
  };
  for (const { what, change } of falseEntries) {
    const { exitCode, stderr } = await showing((lines) =>
      lines.map((line) => (/"kind":"round"/.test(line) && /"round":2/.test(line) ? liar.forgeLine(line, change) : line)),
    );
    const refused = endedBy(stderr);
    finding(context, {
      what: `${what}, in the ledger that a restarted node fetches`,
      result: `${refused}, exit ${exitCode}`,
      held: exitCode === 4,
    });
  }
  liar.answer = (_, body) => body;
  const { exitCode } = await tributary(start);
  const { byKind } = (await budgetOf("merchant-2")) as never as Budget;
  finding(context, {
    what: "the truth, after all these",
    result: `exit ${exitCode}, ${byKind[0].charged} rounds charged`,
    held: exitCode === 0 && byKind[0].charged === 2,
  });
}, 120_000);

const linesOf = (body: Buffer) => body.toString("utf8").split("\n").slice(0, -1);

test("among nodes that only the platform vouches for a node takes part in nothing", async (context) => {
  const { spent, byKind } = (await budgetOf("merchant-5")) as never as Budget;
  const steps = liar.said.filter(({ node }) => node === "merchant-5").map(({ message }) => message.step);
  finding(context, {
    what: "a cohort of the platform's own nodes around one merchant",
    result: `${lonely.join(", ")}; said ${[...new Set(steps)].join(", ")}; ε ${spent}`,
    held:
      lonely.length === 2 &&
      lonely.every((code) => code === "TRB_ROUND_TOO_FEW_TRUSTED") &&
      Number(spent) === 0 &&
      byKind[0].charged === 0 &&
      steps.every((step) => step === "advert" || step === "vote"),
  });
});

interface Budget {
  readonly spent: number;
  readonly byKind: readonly [{ readonly charged: number; readonly refunded: number }];
}

function add(map: Map<string, Set<string>>, key: string, value: string): void {
  map.set(key, (map.get(key) ?? new Set()).add(value));
}
