/** A round, released or given up: its place in the sequence, the node sets, the votes, the mechanism. */
import { isTributaryError } from "@tributary/errors";
import { type Crypto, isWritten, type NodeId, type Sha256, toHex } from "@tributary/protocol";
import { type KeptModel, keptAfter, modelAfterMetrics } from "../acceptance.ts";
import { type Course, courseAfterRound, isStopped, promotionDue, stopOf } from "../course.ts";
import type { EntryOf, Mechanism } from "../entries.ts";
import { mechanismOf } from "../mechanism.ts";
import { agrees } from "../spending.ts";
import { type Founding, isAscending, quorumOf, type Report, type VerificationState } from "./state.ts";

type RoundEntry = EntryOf<"round"> | EntryOf<"aborted">;

/** Steps in which no node can have sent a masked vector yet, so that giving up costs nothing. */
const freeSteps: readonly string[] = ["keys", "reveal", "shares"];

/** What holds for both kinds: bound to the plan, a new number, a known release, the current model. */
export function checkPlace(
  entry: RoundEntry,
  state: Pick<VerificationState, "modelHash" | "lastRound">,
  { plan, planHash }: Founding,
  report: Report,
): void {
  if (entry.planHash !== planHash) report("TRB_LEDGER_PLAN_MISMATCH");
  if (entry.round <= state.lastRound) report("TRB_LEDGER_ROUND_REPEATED", { round: entry.round, last: state.lastRound });
  if (plan.releases[entry.release] === undefined) report("TRB_LEDGER_RELEASE_UNKNOWN", { release: entry.release });
  if (entry.modelHash !== state.modelHash) report("TRB_LEDGER_MODEL_CHAIN_BROKEN");
}

/** Who was barred is in no later round; and only members of a round that stopped at its reveals are, for nothing. */
export function checkBarred(entry: RoundEntry, { barred }: Pick<VerificationState, "barred">, report: Report): void {
  const cohort = entry.cohort ?? [];
  const back = cohort.find((node) => barred.includes(node));
  if (back !== undefined) report("TRB_LEDGER_BARRED_INVALID", { reason: `${back} is in a round again` });
  if (entry.kind === "round" || entry.barred === undefined) return;
  const wrong = (reason: string) => report("TRB_LEDGER_BARRED_INVALID", { reason });
  if (entry.step !== "reveal" || entry.charged) wrong(`the round was given up in step ${entry.step}`);
  if (!isAscending(entry.barred)) wrong("they are not strictly ascending");
  for (const node of entry.barred) if (!cohort.includes(node)) wrong(`${node} was not in the round`);
}

/** survivors ⊆ sharers ⊆ cohort ⊆ roster, each strictly ascending and large enough; a quorum of votes for exactly them. */
export function checkReleased(
  entry: EntryOf<"round">,
  { kept }: Pick<VerificationState, "kept">,
  founding: Founding,
  crypto: Crypto,
  report: Report,
): void {
  const { cohort, sharers, survivors } = entry;
  const { plan, roster } = founding;
  checkNested(
    [
      ["survivors", survivors],
      ["sharers", sharers],
      ["cohort", cohort],
      ["roster", roster.map(({ node }) => node)],
    ],
    report,
  );
  const quorum = quorumOf(cohort.length, plan.maxCorrupt);
  const least = Math.max(plan.minCohort, quorum);
  if (cohort.length < plan.minCohort) tooSmall("cohort members", cohort.length, plan.minCohort, report);
  if (survivors.length < least) tooSmall("survivors", survivors.length, least, report);
  // a node votes only for a set that it is in, and the sets are nested, so voters are survivors
  checkVoters(entry, survivors, founding, report);
  checkCountersigners(entry, report);
  if (entry.votes.length < quorum) report("TRB_LEDGER_QUORUM_MISSING", { votes: entry.votes.length, quorum });
  checkMechanism(entry, founding, report);
  checkSum(entry, kept, founding, crypto, report);
}

/** By the plan's rule for keeping models. A plan whose metrics can't be read is refused elsewhere, and keeps what it had. */
export function keptByEntry(entry: EntryOf<"round">, kept: KeptModel | null, { plan }: Founding): KeptModel | null {
  if (plan.releases[entry.release]?.kind !== "metrics") return kept;
  try {
    return keptAfter(plan, kept, entry);
  } catch (error) {
    if (!isTributaryError(error)) throw error;
    return kept;
  }
}

/** What the entry decides about those after it. */
export function courseByEntry(entry: EntryOf<"round">, course: Course, { plan }: Founding): Course {
  if (plan.releases[entry.release] === undefined) return course; // reported by `checkPlace`
  try {
    return courseAfterRound(plan, course, entry);
  } catch (error) {
    if (!isTributaryError(error)) throw error;
    return course;
  }
}

/** Before a round or the end comes what the plan's rules call for; once they ended training the end comes, with their words, and by no other way. */
export function checkWhatFollows(
  entry: RoundEntry | EntryOf<"closing">,
  standing: Pick<VerificationState, "modelHash" | "kept" | "course">,
  { plan }: Founding,
  report: Report,
): void {
  const due = promotionDue(plan, standing.course, standing);
  if (due !== undefined) report("TRB_LEDGER_PROMOTION_MISSING", { rule: due.rule });
  const wrong = (reason: string) => report("TRB_LEDGER_EARLY_STOP_INVALID", { reason });
  if (entry.kind !== "closing") {
    if (isStopped(plan, standing.course)) wrong("a round follows, although training had ended");
    return;
  }
  const stop = stopOf(plan, standing.course);
  if (entry.rule !== stop?.rule) wrong(stop === undefined ? "its rule was not fulfilled" : "the closing entry doesn't name it");
  else if (stop !== undefined && entry.reason !== stop.reason) wrong("the closing entry gives another reason");
}

/** A sum that stands in the entry is the one that its hash names, and such a release leaves the model as it was, or goes back to the one kept last. */
function checkSum(entry: EntryOf<"round">, before: KeptModel | null, founding: Founding, crypto: Crypto, report: Report): void {
  const { plan } = founding;
  const release = plan.releases[entry.release];
  if (release === undefined) return; // reported by `checkPlace`
  const wrong = (reason: string) => report("TRB_LEDGER_SUM_MISMATCHED", { reason });
  const { sum, sumHash, modelHash, nextModelHash } = entry;
  if (!isWritten(release)) {
    if (sum !== undefined) wrong(`a release of kind ${release.kind} has only its hash in the ledger`);
    return;
  }
  const judges = plan.acceptance !== undefined && release.kind === "metrics" && sum !== undefined;
  const left = judges ? modelAfterMetrics(keptByEntry(entry, before, founding), entry) : modelHash;
  if (nextModelHash !== left) {
    wrong(
      left === modelHash
        ? `a release of kind ${release.kind} changes no model`
        : "by the plan's rule its metrics give the model up for the one kept before",
    );
  }
  if (sum === undefined) wrong(`a release of kind ${release.kind} has its sum in the ledger`);
  else if (sum.length !== release.dimension) wrong(`it has ${sum.length} coordinates instead of ${release.dimension}`);
  else if (hashOfSum(crypto, sum) !== sumHash) wrong("it has another hash");
}

/** SHA-256 of the sum modulo 2³², as little-endian u32. */
function hashOfSum(crypto: Crypto, sum: readonly number[]): Sha256 {
  const bytes = new DataView(new ArrayBuffer(4 * sum.length));
  for (const [place, value] of sum.entries()) bytes.setInt32(4 * place, value, true);
  return toHex(crypto.sha256(new Uint8Array(bytes.buffer))) as Sha256;
}

/** Not charged only before masked vectors could exist, or by a quorum of votes to abort. */
export function checkAborted(entry: EntryOf<"aborted">, founding: Founding, report: Report): void {
  const { plan, roster } = founding;
  // an entry without its cohort is held to the largest quorum that there can be
  const everyone = roster.map(({ node }) => node);
  const cohort = entry.cohort ?? everyone;
  checkNested(
    [
      ["cohort", cohort],
      ["roster", everyone],
    ],
    report,
  );
  if (entry.votes.length > 0) {
    if (entry.h1 === null) report("TRB_LEDGER_VOTES_INVALID", { reason: "they are for no round, h1 is missing" });
    else checkVoters(entry, cohort, founding, report);
  }
  if (entry.charged || freeSteps.includes(entry.step)) return;
  const quorum = quorumOf(Math.max(cohort.length, plan.minCohort), plan.maxCorrupt);
  if (entry.votes.length < quorum) report("TRB_LEDGER_REFUND_UNFOUNDED", { step: entry.step });
}

function tooSmall(set: string, nodes: number, least: number, report: Report): void {
  report("TRB_LEDGER_COHORT_TOO_SMALL", { set, nodes, least });
}

/** Each set is ascending and within the one after it. */
function checkNested(sets: readonly (readonly [name: string, nodes: readonly NodeId[]])[], report: Report): void {
  for (const [i, [name, nodes]] of sets.entries()) {
    if (!isAscending(nodes)) report("TRB_LEDGER_SETS_INVALID", { reason: `${name} is not strictly ascending` });
    const outer = sets[i + 1];
    if (outer === undefined) continue;
    const within = new Set(outer[1]);
    if (!nodes.every((node) => within.has(node)))
      report("TRB_LEDGER_SETS_INVALID", { reason: `${name} is not within ${outer[0]}` });
  }
}

/** Each of the electorate has one vote. Whether the votes are genuine: `signatures.ts`. */
function checkVoters({ votes }: RoundEntry, electorate: readonly NodeId[], { roster }: Founding, report: Report): void {
  const invalid = (reason: string) => report("TRB_LEDGER_VOTES_INVALID", { reason });
  if (!isAscending(votes.map(({ node }) => node))) invalid("they are not strictly ascending by node");
  const entitled = new Set(electorate);
  const members = new Set(roster.map(({ node }) => node));
  for (const { node } of votes) if (!members.has(node) || !entitled.has(node)) invalid(`${node} has no vote`);
}

/** The whole cohort has said which ledger it follows. */
function checkCountersigners({ heads, cohort }: EntryOf<"round">, report: Report): void {
  if (heads.length === cohort.length && heads.every(({ node }, i) => node === cohort[i])) return;
  report("TRB_LEDGER_HEADS_INVALID", { reason: "they are not those of the cohort, in its order" });
}

/** Everything that decides privacy is the plan's; real numbers agree at 1e-9, the rest exactly. */
function checkMechanism({ mechanism, release }: EntryOf<"round">, { plan }: Founding, report: Report): void {
  if (plan.releases[release] === undefined) return; // reported by `checkPlace`
  const expected = prescribed(plan, release, report);
  if (expected === undefined) return;
  const equal: readonly (keyof Mechanism)[] = ["name", "sampler", "honestNodes", "bits"];
  const near = ["sensitivity", "nodeVariance", "samplingRate", "noiseMultiplier"] as const;
  for (const field of equal) if (mechanism[field] !== expected[field]) report("TRB_LEDGER_MECHANISM_MISMATCH", { field });
  for (const field of near) if (!agrees(mechanism[field], expected[field])) report("TRB_LEDGER_MECHANISM_MISMATCH", { field });
}

function prescribed(plan: Founding["plan"], release: number, report: Report): Mechanism | undefined {
  try {
    return mechanismOf(plan, release);
  } catch (error) {
    if (!isTributaryError(error)) throw error;
    report("TRB_LEDGER_PLAN_REFUSED", { code: error.code, reason: error.message });
    return undefined;
  }
}
