/**
 * A coordinator that lies, with `maxCorrupt` nodes in its hand (`puppets.ts`). It gets through a round by doing what an honest one would, and
 * lies where that pays: it shows nodes different cohorts, sharers or survivors, puts its own keys in others' places, asks for shares without
 * a quorum, claims aborts while it goes on, hides and replays. A scheme for each round, and deceit (`deceit.ts`) about single messages.
 */
import { emptyHead, headAfter, type LedgerHead, spentAfter } from "@tributary/ledger";
import {
  type BodyOf,
  hashOf,
  isGraphRound,
  type Message,
  type MessageOf,
  type NodeId,
  parseMessage,
  planHash,
  type Sha256,
  type StepName,
  signHead,
  signMessage,
  survivorChoice,
  toHex,
} from "@tributary/protocol";
import { graphSeed, type ShareGraph, shareGraphOf } from "../../packages/secagg/src/index.ts";
import { deceptions, falseAdverts, falseEnvelopes, falseReveals, falseSurvivors, padVotes } from "./deceit.ts";
import { abortLine, releaseLine, signaturesOf } from "./false-ledger.ts";
import { quorumOf } from "./federation.ts";
import { type Binding, envelopeFrom, headerOf, maskedOf, type Puppet, puppetOf, voteOf } from "./puppets.ts";
import type { CoordinatorParty, World } from "./world.ts";

export type Choice = BodyOf<"vote">["choice"];

const schemes = ["follow", "splitCohort", "splitSharers", "splitSurvivors", "splitSurvivors", "falseAbort", "isolate"] as const;

/** One cohort that some nodes are shown, and what came of it. */
export interface View {
  /** Honest nodes that are shown this one. */
  readonly members: readonly NodeId[];
  readonly adverts: readonly MessageOf<"advert">[];
  readonly h1: Sha256;
  readonly puppets: readonly Puppet[];
  readonly reveals: Map<NodeId, MessageOf<"reveal">>;
  /** Who shares with whom, once that is settled. */
  graph: ShareGraph | undefined;
  readonly shares: Map<NodeId, MessageOf<"shares">>;
  /** U2 as each member was told it. */
  readonly sharers: Map<NodeId, readonly NodeId[]>;
  readonly uploads: Map<NodeId, MessageOf<"masked">>;
  /** U3 as each member was told it. */
  readonly survivors: Map<NodeId, readonly NodeId[]>;
  readonly votes: MessageOf<"vote">[];
}

export interface Attempt {
  readonly binding: Binding;
  readonly scheme: (typeof schemes)[number];
  readonly adverts: Map<NodeId, MessageOf<"advert">>;
  readonly views: View[];
}

/** Virtual milliseconds between its steps: enough for most answers to arrive. */
const pace = 65;
/** Rounds that it begins. */
const mostAttempts = 8;

export function createCorruptCoordinator(world: World): CoordinatorParty {
  const { federation, network, watch, chance, trace } = world;
  const { plan, crypto, genesis, honest, corrupt, coordinator: self, members } = federation;
  const hash = planHash(crypto, plan);
  const deviance = chance.pick([0, 0.05, 0.2]);
  const ledger: string[] = [genesis.line];
  let head: LedgerHead = headAfter(crypto, emptyHead, genesis.line);
  let modelHash = plan.initialModelHash;
  let charged = 0;
  let round = 0;
  /** Rounds that it began although none was left. */
  let beyond = 0;
  let attempt: Attempt | undefined;
  const heard: Message[] = [];
  const sent: { readonly to: NodeId; readonly message: Message }[] = [];
  const identityOf = (id: NodeId) => members.find((member) => member.id === id)?.identity ?? self;

  // ── speaking ───────────────────────────────────────────────────────────────────────────────────────────────────

  function say<Step extends StepName>(to: NodeId, binding: Binding, step: Step, body: BodyOf<Step>): void {
    const unsigned = { ...headerOf(federation, binding, "coordinator"), step, body };
    const message = signMessage<Step>(self, unsigned as unknown as Parameters<typeof signMessage<Step>>[1]);
    const lies = chance.happens(deviance) ? deceptions(world, message) : [];
    const replayed = chance.happens(deviance) && sent.length > 0 ? [chance.pick(sent).message] : [];
    sent.push({ to, message });
    for (const payload of chance.shuffled([...lies, ...replayed, message])) {
      network.post(to, `coordinator ▶ ${step} ${binding.round} to ${to}`, () => {
        const node = world.node(to);
        return node === undefined || !node.isUp() ? { fate: "unreachable" } : node.hear(payload);
      });
    }
  }

  // ── a round ────────────────────────────────────────────────────────────────────────────────────────────────────

  function begin(): void {
    if (round >= mostAttempts || beyond > 1) return;
    round += 1;
    if (charged >= (plan.releases[0]?.rounds ?? 0)) beyond += 1;
    const binding = { planHash: hash, modelHash, round };
    const scheme = chance.pick(schemes);
    trace(`coordinator begins round ${round}: ${scheme}`);
    const current: Attempt = { binding, scheme, adverts: new Map(), views: [] };
    attempt = current;
    const invited = scheme === "isolate" ? chance.some(honest, 0.6) : honest;
    for (const to of invited) say(to, binding, "offer", { release: 0, head: head.hash });
    const steps = [showCohorts, showReveals, forwardEnvelopes, announceSurvivors, requestUnmasking, settle];
    for (const [i, step] of steps.entries()) network.after(pace * (i + 1), `coordinator: ${step.name}`, () => step(current));
    network.after(pace * (steps.length + 1), "coordinator: begin", begin);
  }

  /** One cohort for all, or two that share nodes but no h1; few honest nodes among its own, if it isolates somebody. */
  function showCohorts(current: Attempt): void {
    const here = [...current.adverts.keys()];
    const groups = current.scheme === "splitCohort" ? halves(here) : [here];
    for (const [i, group] of groups.entries()) {
      const puppets = corrupt.map((id) =>
        puppetOf(federation, watch, current.binding, id, identityOf(id), `${world.scenario.seed} ${i}`, head),
      );
      const shown = current.scheme === "isolate" ? chance.sample(here, 1 + chance.below(here.length)) : here;
      const genuine = shown.flatMap((id) => current.adverts.get(id) ?? []);
      const adverts = ascending([...genuine, ...puppets.map(({ advert }) => advert)]);
      const view: View = {
        ...{ members: group, adverts, puppets, h1: hashOf(crypto, adverts) },
        ...{
          reveals: new Map(),
          graph: undefined,
          shares: new Map(),
          sharers: new Map(),
          uploads: new Map(),
          survivors: new Map(),
          votes: [],
        },
      };
      current.views.push(view);
      for (const to of group) {
        const lie = chance.happens(deviance) ? falseAdverts(world, current, view, to, heard) : undefined;
        if (lie !== undefined) say(to, current.binding, "adverts", { adverts: lie });
        if (lie === undefined || chance.happens(0.5)) say(to, current.binding, "adverts", { adverts });
      }
    }
  }

  /** Everybody's randomness; another's, or in another order, for some. A round without a graph has one at once. */
  function showReveals(current: Attempt): void {
    for (const view of current.views) {
      const cohort = nodesOf(view);
      if (!isGraphRound(plan, cohort.length)) {
        view.graph = shareGraphOf(crypto, plan, cohort, null, current.binding.round);
        continue;
      }
      const reveals = cohort.flatMap(
        (id) => view.reveals.get(id)?.body.randomness ?? view.puppets.find((puppet) => puppet.id === id)?.secrets.graph ?? [],
      );
      if (reveals.length < cohort.length) continue; // a reveal that is missing leaves nothing to go on with
      const binding = { ...current.binding, h1: view.h1 };
      view.graph = shareGraphOf(crypto, plan, cohort, graphSeed(crypto, binding, reveals), current.binding.round);
      for (const to of view.members) {
        const lie = chance.happens(deviance) ? falseReveals(world, reveals) : undefined;
        if (lie !== undefined) say(to, current.binding, "reveals", { h1: view.h1, reveals: lie });
        say(to, current.binding, "reveals", { h1: view.h1, reveals });
      }
    }
  }

  function forwardEnvelopes(current: Attempt): void {
    for (const view of current.views) {
      const { graph } = view;
      if (graph === undefined) continue;
      const all = ascendingIds([...view.shares.keys(), ...view.puppets.map(({ id }) => id)]);
      const [part] = halves(all);
      const other = current.scheme === "splitSharers" ? all.filter((id) => id !== part?.[0]) : all;
      const [left = []] = halves(view.members);
      for (const to of view.members) {
        if (!view.shares.has(to)) continue;
        const sharers = left.includes(to) ? all : ascendingIds([...new Set([...other, to])]);
        view.sharers.set(to, sharers);
        const joined = graph.peers(to).filter((from) => sharers.includes(from));
        const envelopes = joined.map((from) => envelopeTo(current, view, graph, from, to));
        const body = { h1: view.h1, sharers: [...sharers], envelopes };
        if (chance.happens(deviance)) say(to, current.binding, "envelopes", falseEnvelopes(world, view, body, to));
        say(to, current.binding, "envelopes", body);
      }
    }
  }

  function envelopeTo({ binding }: Attempt, view: View, graph: ShareGraph, from: NodeId, to: NodeId) {
    const made = view.shares.get(from)?.body.envelopes.find((envelope) => envelope.to === to);
    if (made !== undefined) return { from, nonce: made.nonce, box: made.box };
    const puppet = view.puppets.find(({ id }) => id === from);
    if (puppet === undefined || chance.happens(deviance)) return { from, nonce: "00".repeat(24), box: "00".repeat(80) };
    return envelopeFrom(federation, { ...binding, h1: view.h1 }, view.adverts, graph, puppet, to);
  }

  /** Everybody who uploaded, with the puppets; or one set for some and another, without one or two of them, for the others. */
  function announceSurvivors(current: Attempt): void {
    for (const view of current.views) {
      const all = ascendingIds([...view.uploads.keys(), ...view.puppets.map(({ id }) => id)]);
      const missing = chance.sample(all, 1 + chance.below(2));
      const fewer = current.scheme === "splitSurvivors" ? all.filter((id) => !missing.includes(id)) : all;
      for (const to of view.members) {
        const survivors = fewer.includes(to) && chance.happens(0.5) ? fewer : all;
        view.survivors.set(to, survivors);
        const body = { h1: view.h1, survivors: [...survivors], ...uploadsFor(current, view, to, survivors) };
        const lie = chance.happens(deviance) ? falseSurvivors(world, view, body, to) : undefined;
        if (lie !== undefined && chance.happens(0.5)) say(to, current.binding, "survivors", lie);
        say(to, current.binding, "survivors", body);
        if (lie !== undefined) say(to, current.binding, "survivors", lie);
        if (current.scheme === "splitSurvivors" && chance.happens(0.3)) {
          const other = survivors === all ? fewer : all;
          say(to, current.binding, "survivors", {
            ...{ h1: view.h1, survivors: [...other] },
            ...uploadsFor(current, view, to, other),
          });
        }
      }
      if (current.scheme === "falseAbort") claimAbort(current, view);
    }
  }

  /** On a graph, what a node's neighbours among the survivors said of their uploads; its puppets say what is wanted. */
  function uploadsFor({ binding }: Attempt, view: View, to: NodeId, survivors: readonly NodeId[]) {
    const { graph } = view;
    if (graph === undefined || !isGraphRound(plan, view.adverts.length)) return {};
    const bound = { ...binding, h1: view.h1 };
    const uploads = graph
      .peers(to)
      .filter((id) => survivors.includes(id))
      .flatMap((id) => {
        const isPuppet = view.puppets.some((puppet) => puppet.id === id);
        return isPuppet
          ? maskedOf(federation, bound, id, identityOf(id), view.sharers.get(to) ?? [])
          : (view.uploads.get(id) ?? []);
      });
    return { uploads };
  }

  /** Tells some that the round is given up and costs nothing, with fewer votes than that takes, and goes on. */
  function claimAbort(current: Attempt, view: View): void {
    const choice: Choice = { for: "abort" };
    const votes = padVotes(world, current, view, choice, heard);
    const line = abortLine(world, {
      ...current.binding,
      h1: view.h1,
      head,
      cohort: nodesOf(view),
      votes,
      charged: false,
      spent: charged,
    });
    for (const to of chance.some(view.members, 0.5)) {
      say(to, current.binding, "abort", { code: "TRB_ROUND_ABORT_VOTED", entry: line });
    }
  }

  /** For every set that anybody voted for; with a quorum if there is one, and with whatever looks like one if there is none. */
  function requestUnmasking(current: Attempt): void {
    for (const view of current.views) {
      for (const { choice, survivors } of choicesOf(world, view)) {
        const votes = padVotes(world, current, view, choice, heard);
        for (const to of view.members) {
          const told = view.survivors.get(to)?.join(" ") === survivors.join(" ");
          if (!told && !chance.happens(0.1 + deviance)) continue;
          say(to, current.binding, "unmask", { h1: view.h1, survivors: [...survivors], votes: signaturesOf(votes) });
        }
      }
    }
  }

  /** What its ledger says became of the round: the truth if a quorum voted, else that it was given up, and mostly that it cost nothing. */
  function settle(current: Attempt): void {
    const { binding } = current;
    const [view] = current.views;
    if (view === undefined) return;
    const release = plan.releases[0]?.rounds ?? 0;
    for (const { choice, sharers, survivors } of choicesOf(world, view)) {
      const votes = votesFor(current, view, choice);
      if (votes.length < quorumOf(view.adverts.length, plan) || charged >= release) continue;
      const next = toHex(crypto.sha256(new TextEncoder().encode(`model ${binding.round}`))) as Sha256;
      const line = releaseLine(world, {
        ...binding,
        h1: view.h1,
        head,
        cohort: nodesOf(view),
        adverts: view.adverts,
        votes,
        sharers,
        survivors,
        next,
        spent: charged + 1,
      });
      append(line);
      modelHash = next;
      charged += 1;
      publish(current, "result", line);
      return;
    }
    const abort: Choice = { for: "abort" };
    const votes = votesFor(current, view, abort);
    const voted = votes.length >= quorumOf(view.adverts.length, plan);
    const charge = charged < release && !voted && chance.happens(0.5);
    const lie = voted || chance.happens(0.5) ? votes : padVotes(world, current, view, abort, heard);
    charged += charge ? 1 : 0;
    const line = abortLine(world, {
      ...binding,
      h1: view.h1,
      head,
      cohort: nodesOf(view),
      votes: lie,
      charged: charge,
      spent: charged,
    });
    append(line);
    publish(current, "abort", line);
  }

  function publish({ binding }: Attempt, step: "result" | "abort", entry: string): void {
    for (const to of honest) {
      if (chance.happens(deviance / 4)) continue;
      if (step === "result") say(to, binding, "result", { entry });
      else say(to, binding, "abort", { code: "TRB_ROUND_DEADLINE_PASSED", entry });
    }
  }

  function append(line: string): void {
    head = headAfter(crypto, head, line);
    ledger.push(line);
    spentAfter(plan, [charged]);
  }

  function votesFor({ binding }: Attempt, view: View, choice: Choice): MessageOf<"vote">[] {
    const genuine = view.votes.filter(({ body }) => JSON.stringify(body.choice) === JSON.stringify(choice));
    const bound = { ...binding, h1: view.h1 };
    return ascending([...genuine, ...view.puppets.map(({ id }) => voteOf(federation, bound, id, identityOf(id), choice))]);
  }

  // ── hearing ────────────────────────────────────────────────────────────────────────────────────────────────────

  function take(from: NodeId, message: Message): void {
    heard.push(message);
    if (attempt === undefined || message.round !== attempt.binding.round) return;
    if (message.step === "advert") attempt.adverts.set(from, message);
    const h1 = "h1" in message.body ? message.body.h1 : undefined;
    const view = attempt.views.find((one) => one.h1 === h1);
    if (view === undefined) return;
    if (message.step === "reveal") view.reveals.set(from, message);
    if (message.step === "shares") view.shares.set(from, message);
    if (message.step === "vote") view.votes.push(message);
    if (message.step === "masked") view.uploads.set(from, message);
  }

  function halves<Item>(list: readonly Item[]): Item[][] {
    const [left, right]: [Item[], Item[]] = [[], []];
    for (const item of list) (chance.happens(0.5) ? left : right).push(item);
    return [left, right];
  }

  return {
    isUp: () => true,
    start: () => network.after(20, "coordinator: begin", begin),
    hear(from, payload) {
      take(from, parseMessage(payload));
      return { fate: "accepted" };
    },
    takeUpload(from, payload, _vector, reply) {
      take(from, parseMessage(payload));
      if (!chance.happens(deviance)) reply({ fate: "accepted" });
      else if (chance.happens(0.5)) reply({ fate: "refused", code: "TRB_ROUND_STEP_UNEXPECTED" });
      return { fate: "accepted" };
    },
    ledgerFrom: (_, entry) => ledger.slice(entry),
    headsFor(_, nonce, peers) {
      const genuine = peers.flatMap((id) => world.node(id)?.head(nonce) ?? []);
      const own = { entries: ledger.length, head: head.hash, round: 0 };
      const invented = corrupt.map((node) => signHead(identityOf(node), plan.federation, nonce, { node, ...own }));
      return [...chance.some(genuine, deviance > 0 ? 0.8 : 1), ...invented];
    },
    connected(node) {
      const last = sent.findLast(({ to }) => to === node);
      if (last === undefined || chance.happens(0.3)) return;
      const { step, body, modelHash: model, round: number } = last.message;
      say(node, { planHash: hash, modelHash: model, round: number }, step, body as BodyOf<typeof step>);
    },
  };
}

/** What somebody voted for, and the sets that it stands for: on a graph a vote has their hash only. */
function choicesOf({ federation: { crypto, plan } }: World, view: View) {
  const choices = new Map<
    string,
    { readonly choice: Choice; readonly sharers: readonly NodeId[]; readonly survivors: readonly NodeId[] }
  >();
  for (const { sender, body } of view.votes) {
    const { choice } = body;
    if (choice.for === "abort") continue;
    const sharers = choice.for === "survivors" ? choice.sharers : (view.sharers.get(sender as NodeId) ?? []);
    const candidates = choice.for === "survivors" ? [choice.survivors] : [...view.survivors.values()];
    const survivors = candidates.find(
      (set) => JSON.stringify(survivorChoice(crypto, plan, view.adverts.length, sharers, set)) === JSON.stringify(choice),
    );
    if (survivors !== undefined) choices.set(JSON.stringify(choice), { choice, sharers, survivors });
  }
  return [...choices.values()];
}

const nodesOf = ({ adverts }: View) => adverts.map(({ sender }) => sender as NodeId);

const ascendingIds = (ids: readonly NodeId[]) => [...new Set(ids)].sort();

function ascending<Listed extends Message>(list: readonly Listed[]): Listed[] {
  const bySender = new Map(list.map((message) => [message.sender, message] as const));
  return [...bySender.values()].sort((a, b) => (a.sender < b.sender ? -1 : 1));
}
