/** What must hold when a world under an honest coordinator has come to its end: ledger, charges and everybody's copy agree. */

import { type CoordinatorState, chargedRounds } from "@tributary/federation";
import { parseLine, rosterAt, verifyLedger } from "@tributary/ledger";
import type { NodeId } from "@tributary/protocol";
import type { HonestCoordinator } from "./coordinator-process.ts";
import { quorumOf } from "./federation.ts";
import { finding } from "./honest-speech.ts";
import type { CoordinatorParty, NodeParty, World } from "./world.ts";

export function requireSoundEnd(
  world: World,
  coordinator: CoordinatorParty | HonestCoordinator,
  nodes: readonly NodeParty[],
): void {
  requireAccounted(world);
  if (!("ledger" in coordinator)) return;
  const goingOn = honestOf(world, nodes).filter((node) => !node.hasGivenUp());
  if (!coordinator.finished()) {
    // with enough honest nodes it comes to the plan's end, whatever the others do
    const { scenario } = world;
    // whoever was away when a graph was drawn is barred, and those left may have no graph: no round is offered any more
    const left = leftIn(coordinator.state());
    const enough = Math.max(scenario.minCohort, quorumOf(left.length, scenario));
    const offered = scenario.graph === undefined || left.length < scenario.minCohort || left.length >= scenario.nodes;
    const there = goingOn.filter(({ id }) => left.includes(id));
    if (offered && there.length >= enough)
      throw finding("the plan is never done", coordinator.state().round?.phase ?? "no round");
    return;
  }
  requireSoundLedger(world, coordinator);
  for (const node of goingOn) requireSoundNode(node, coordinator.ledger);
}

/** Who may be in the next round. */
export function leftIn(state: CoordinatorState): NodeId[] {
  const gone = new Set(state.barred);
  return rosterAt(state, state.lastRound + 1)
    .map(({ node }) => node)
    .filter((node) => !gone.has(node));
}

export function honestOf({ federation }: World, nodes: readonly NodeParty[]): NodeParty[] {
  return nodes.filter(({ id }) => federation.honest.includes(id));
}

/** Every copy of every message came to one end, or is still on its way. */
function requireAccounted({ network }: World): void {
  const { sent, fates, underWay } = network.traffic();
  const ended = Object.values(fates).reduce((sum, count) => sum + count, 0);
  if (ended + underWay !== sent)
    throw finding("messages are not accounted for", `${sent} sent, ${ended} ended, ${underWay} under way`);
}

function requireSoundLedger({ federation: { crypto, plan } }: World, { ledger, state }: HonestCoordinator): void {
  const verdict = verifyLedger(new TextEncoder().encode(ledger.map((line) => `${line}\n`).join("")), { crypto });
  const [failure] = verdict.failures;
  if (failure !== undefined) throw finding("the ledger doesn't verify", JSON.stringify(failure));
  const entries = ledger.map(parseLine);
  if (entries.at(-1)?.kind !== "closing") throw finding("the ledger has no closing entry");
  const rounds = entries.flatMap((entry) => (entry.kind === "round" || entry.kind === "aborted" ? [entry.round] : []));
  if (!rounds.every((round, i) => round === i + 1)) throw finding("rounds and ledger entries differ", rounds.join(" "));
  const charged = entries.filter((entry) => entry.kind === "round" || (entry.kind === "aborted" && entry.charged)).length;
  const [counted = 0] = state().charged;
  if (charged !== counted) throw finding("the ledger charges other rounds than the coordinator", `${charged}, ${counted}`);
  if (charged > (plan.releases[0]?.rounds ?? 0)) throw finding("the ledger charges more rounds than the plan has");
}

/** It has the whole ledger, and has paid for what it took part in. */
function requireSoundNode(node: NodeParty, ledger: readonly string[]): void {
  const { id } = node;
  const standing = node.standing();
  if (standing === undefined || !standing.state.closed) throw finding("an honest node never hears of the end", id);
  const { state } = standing;
  if (standing.ledger.join("\n") !== ledger.join("\n")) throw finding("a node's ledger differs from the coordinator's", id);
  const entries = ledger.map(parseLine);
  const standingOf = (round: number) => state.charges.find((charge) => charge.round === round)?.standing;
  const paid = entries.filter((entry) => entry.kind === "round" && entry.survivors.includes(id));
  for (const entry of entries) {
    if (entry.kind === "round" && entry.survivors.includes(id) !== (standingOf(entry.round) === "final")) {
      throw finding("a release is charged to others than its survivors", `${id}, round ${entry.round}`);
    }
    if (entry.kind === "aborted" && !entry.charged && (standingOf(entry.round) ?? "refunded") !== "refunded") {
      throw finding("a node pays for a round that the ledger charges to nobody", `${id}, round ${entry.round}`);
    }
  }
  if ((chargedRounds(state)[0] ?? 0) < paid.length) throw finding("a node has paid for less than it released", id);
}
