/** Lies about single messages of a corrupt coordinator, signed with its key or with a puppet's: one or two of many, drawn each time. */
import type { BodyOf, Message, MessageOf, NodeId, Sha256 } from "@tributary/protocol";
import type { Attempt, Choice, View } from "./corrupt-coordinator.ts";
import { forge } from "./corrupt-node.ts";
import { quorumOf } from "./federation.ts";
import { puppetOf, voteOf } from "./puppets.ts";
import type { World } from "./world.ts";

/** This message with something wrong about it: where it belongs, what it names, who signed it. */
export function deceptions({ federation, chance }: World, message: Message): unknown[] {
  const { coordinator, members, corrupt } = federation;
  const other = members.find(({ id }) => corrupt.includes(id))?.identity;
  const anyHash = hashLike(chance.below(16));
  const changes = chance.pick<object>([
    { round: message.round + 1 },
    { round: Math.max(1, message.round - 1) },
    { modelHash: anyHash },
    { planHash: anyHash },
    { federation: "another" },
    { version: "2.0" },
    { sender: corrupt[0] ?? "node-a" },
  ]);
  const bodies: object[] = [{ h1: anyHash }, { head: anyHash }, { release: 3 }];
  const body = bodies.filter((one) => Object.keys(one).every((key) => key in message.body));
  return chance.some<unknown>(
    [
      forge(coordinator, message, changes),
      ...body.map((one) => forge(coordinator, message, {}, one)),
      ...(other === undefined ? [] : [forge(other, message, {})]),
      { ...message, more: true },
      { ...message, body: { ...message.body, h1: null } },
    ],
    0.5,
  );
}

/** A cohort for one node that isn't what it says. */
export function falseAdverts(
  world: World,
  { binding }: Attempt,
  { adverts }: View,
  to: NodeId,
  heard: readonly Message[],
): MessageOf<"advert">[] {
  const { federation, chance, watch } = world;
  const { coordinator, members } = federation;
  const others = adverts.filter(({ sender }) => sender !== to);
  const victim = chance.pick(others.length === 0 ? adverts : others);
  const replace = (by: MessageOf<"advert">) => adverts.map((advert) => (advert.sender === victim.sender ? by : advert));
  const substituted = () => {
    const by = chance.pick([
      coordinator,
      ...members.filter(({ id }) => federation.corrupt.includes(id)).map(({ identity }) => identity),
    ]);
    const { advert } = puppetOf(
      federation,
      watch,
      binding,
      victim.sender as NodeId,
      by,
      `substituted ${chance.number()}`,
      victim.body.head,
    );
    return replace(chance.happens(0.5) ? advert : { ...advert, signature: victim.signature });
  };
  const earlier = heard.filter(
    (message): message is MessageOf<"advert"> => message.step === "advert" && message.sender === victim.sender,
  );
  const copied = () => {
    const mine = federation.corrupt.find((id) => adverts.some(({ sender }) => sender === id));
    const by = members.find(({ id }) => id === mine)?.identity;
    if (mine === undefined || by === undefined) return substituted();
    return adverts.map((advert) => (advert.sender === mine ? forge(by, advert, {}, { maskKey: victim.body.maskKey }) : advert));
  };
  return chance.pick<() => MessageOf<"advert">[]>([
    substituted,
    substituted,
    copied,
    () => adverts.filter(({ sender }) => sender !== to),
    () => adverts.toReversed(),
    () => [...adverts, ...adverts.slice(-1)],
    () => adverts.slice(0, Math.max(1, federation.plan.minCohort - 1)),
    () => (earlier.length === 0 ? substituted() : replace(chance.pick(earlier))),
  ])();
}

/** Randomness of which one part is another than was committed to, missing, or in another's place. */
export function falseReveals({ chance }: World, reveals: readonly string[]): string[] {
  const place = chance.below(reveals.length);
  return chance.pick([
    reveals.map((one, i) => (i === place ? hashLike(chance.below(16)) : one)),
    reveals.filter((_, i) => i !== place),
    reveals.toReversed(),
  ]);
}

export function falseEnvelopes(
  { chance, federation }: World,
  view: View,
  body: BodyOf<"envelopes">,
  to: NodeId,
): BodyOf<"envelopes"> {
  const { sharers, envelopes } = body;
  const outsiders = federation.members.map(({ id }) => id).filter((id) => !sharers.includes(id));
  const sets = [
    sharers.slice(0, 2),
    sharers.filter((id) => id !== to),
    sharers.toReversed(),
    [...sharers, "node-z" as NodeId],
    [...sharers, ...outsiders].sort(),
    sharers.filter((id) => id === to || chance.happens(0.7)),
  ];
  const chosen = chance.pick(sets);
  const matching = chosen
    .filter((id) => id !== to)
    .map((from) => envelopes.find((one) => one.from === from) ?? { from, nonce: "00".repeat(24), box: "00".repeat(80) });
  return chance.happens(0.2)
    ? { ...body, envelopes: envelopes.slice(1) }
    : { h1: view.h1, sharers: chosen, envelopes: matching };
}

export function falseSurvivors(
  { chance, federation, scenario }: World,
  view: View,
  body: BodyOf<"survivors">,
  to: NodeId,
): BodyOf<"survivors"> {
  const { survivors } = body;
  const cohort = view.adverts.map(({ sender }) => sender as NodeId);
  const sharers = view.sharers.get(to) ?? [];
  const outsiders = [...cohort.filter((id) => !sharers.includes(id)), "node-z" as NodeId];
  const least = Math.max(scenario.minCohort, quorumOf(cohort.length, federation.plan));
  return {
    h1: view.h1,
    survivors: chance.pick([
      [...survivors, chance.pick(outsiders)].sort(),
      survivors.filter((id) => id !== to),
      survivors.toReversed(),
      [...survivors.slice(0, -1), ...survivors.slice(-2)],
      survivors.slice(0, Math.max(1, least - 1)),
      survivors.filter((id) => id === to || chance.happens(0.6)),
    ]),
  };
}

/**
 * All votes for a choice that there are, its puppets' among them; when they are too few, something that could be taken for more: the same
 * again, others' votes, votes of earlier rounds, votes in honest names under a puppet's key or none.
 */
export function padVotes(
  world: World,
  { binding }: Attempt,
  view: View,
  choice: Choice,
  heard: readonly Message[],
): MessageOf<"vote">[] {
  const { federation, chance } = world;
  const { plan, members, coordinator } = federation;
  const bound = { ...binding, h1: view.h1 };
  const identity = (id: NodeId) => members.find((member) => member.id === id)?.identity ?? coordinator;
  const genuine = view.votes.filter(({ body }) => JSON.stringify(body.choice) === JSON.stringify(choice));
  const own = view.puppets.map(({ id }) => voteOf(federation, bound, id, identity(id), choice));
  const votes = [...genuine, ...own];
  const lacking = quorumOf(view.adverts.length, plan) - votes.length;
  if (lacking <= 0 && !chance.happens(0.1)) return votes;
  const silent = view.adverts.map(({ sender }) => sender as NodeId).filter((id) => !votes.some(({ sender }) => sender === id));
  const others = view.votes.filter((vote) => !genuine.includes(vote));
  const earlier = heard.filter(
    (message): message is MessageOf<"vote"> => message.step === "vote" && message.round < binding.round,
  );
  const first = votes[0];
  const padding = chance.pick<() => MessageOf<"vote">[]>([
    () => [],
    () => (first === undefined ? [] : Array.from({ length: Math.max(1, lacking) }, () => first)),
    () => silent.map((id) => voteOf(federation, bound, id, identity(view.puppets[0]?.id ?? ("" as NodeId)), choice)),
    () => others,
    () => earlier.slice(-Math.max(1, lacking)),
    () => [voteOf(federation, bound, "node-z" as NodeId, coordinator, choice)],
  ])();
  return [...votes, ...padding];
}

const hashLike = (digit: number) => digit.toString(16).repeat(64) as Sha256;
