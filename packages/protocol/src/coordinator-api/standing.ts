/** Where a federation stands, as the coordinator tells it: public facts only. Fields that a newer coordinator adds are left out. */
import { z } from "zod";
import { identityKey } from "../identifiers.ts";
import { metricCoordinates } from "../plan/metrics.ts";
import { rosterMemberSchema, rosterSchema } from "../roster.ts";

const count = z.int().min(0);
const hash = z.string().regex(/^[0-9a-f]{64}$/);

/** A noisy ratio with the 95 % interval that the noise leaves; null where the noise drowns it. */
const estimate = z.object({ estimate: z.number().nullable(), interval: z.tuple([z.number(), z.number()]).nullable() });
/** What a round of metrics said (`@tributary/ledger`, `metricsOf`). */
const releasedMetrics = z.object({
  ...{ round: count, release: count, modelHash: hash, deviation: z.number() },
  ...{ confidence: z.literal(0.95), method: z.literal("fieller") },
  ...{ customers: estimate, hr10: estimate, ndcg10: estimate, mrr: estimate, loss: estimate },
  newItems: z.object({ customers: estimate, hr10: estimate, ndcg10: estimate }),
  sums: z.record(z.enum(metricCoordinates), z.number()),
});
/** What a round of an extension's query said. */
const releasedQuery = z.object({ round: count, name: z.string(), sum: z.array(z.number()), deviation: z.number() });
/** What a round of features said. */
const releasedFeatures = z.object({
  ...{ round: count, release: count, now: z.number(), deviation: z.number(), customers: z.number() },
  features: z.array(z.object({ name: z.string(), customers: z.number(), first: z.number(), second: z.number() })),
  sum: z.array(z.number()),
});

export const statusAnswer = z.object({
  federation: z.string(),
  /** Whether a process serves it now. */
  running: z.boolean(),
  /** `joining` before the first entry, `waiting` between rounds, `paused`, `refused`, `finished`, or the phase of the round under way. */
  phase: z.string(),
  /** Why no more rounds are offered; null: they are. */
  refused: z.object({ code: z.string(), reason: z.string(), offers: count, nodes: z.array(z.string()) }).nullable(),
  round: count,
  completed: count,
  charged: count,
  rounds: count,
  releases: z.array(z.object({ kind: z.string(), charged: count, released: count, rounds: count })),
  metrics: z.array(releasedMetrics).optional(),
  queries: z.array(releasedQuery).optional(),
  features: z.array(releasedFeatures).optional(),
  connected: z.array(z.string()),
  joined: z.array(z.string()),
  /** The fewest nodes that a round is released with; older coordinators don't say. */
  minCohort: count.optional(),
  epsilon: z.number().min(0),
  epsilonLimit: z.number().min(0),
  delta: z.number().min(0),
  modelHash: hash,
  promotedHash: hash.nullable(),
  earlyStop: z.object({ best: z.number().nullable(), stale: count, patience: count }).optional(),
  retention: z
    .object({ days: count.nullable(), rounds: count.nullable(), models: count.nullable(), erasedUpTo: count })
    .optional(),
  optimiserHash: hash.nullable(),
  ledger: z.object({ entries: count, head: z.string() }),
  bytes: z.object({ inPerRoundPerNode: z.number().nullable(), outPerRoundPerNode: z.number().nullable() }),
  secondsPerRound: z.number().nullable(),
  finished: z.boolean(),
});

/** One round begun; null for what is not known yet. */
export const roundFigures = z.object({
  round: count,
  startedAt: z.iso.datetime(),
  seconds: z.number().nullable(),
  bytesIn: z.number().nullable(),
  bytesOut: z.number().nullable(),
  nodes: count.nullable(),
  released: z.boolean().nullable(),
  modelHash: hash.nullable(),
  epsilon: z.number().nullable(),
  code: z.string().nullable(),
});

/** The same with what only operators see. */
export const operatorStatus = statusAnswer.extend({ history: z.array(roundFigures), waiting: count });

/** Everybody who ever joined, ascending by node, and the members of the next round. */
export const membersAnswer = z.object({
  roster: rosterSchema,
  members: z.array(
    z.object({
      member: rosterMemberSchema,
      state: z.enum(["member", "pending", "revoked"]),
      /** The ledger entry that says so, and the first round that it could be in; null as long as nothing does. */
      entry: count.nullable(),
      from: count.nullable(),
      next: z.object({ key: identityKey, from: count }).nullable(),
    }),
  ),
});

export const checksAnswer = z.object({
  status: z.enum(["ok", "failed"]),
  checks: z.array(z.object({ name: z.string(), ok: z.boolean(), reason: z.string().nullable() })),
});

/** What a node of a round has done last, in the order of the steps (DESIGN §5); `reveal` is there in rounds on a graph of neighbours only. */
const roundSteps = ["offer", "keys", "reveal", "shares", "masked", "consistency", "unmask"] as const;

/** The round under way: which node is at which step. Nothing in it follows from anybody's data: whoever takes part sees it, or the ledger will say it. */
export const underWayAnswer = z.object({
  /** The server's clock. */
  now: z.iso.datetime(),
  /** Null between rounds. */
  round: z
    .object({
      number: count,
      /** Place in `plan.releases`, and what is summed there. */
      release: count,
      kind: z.string(),
      /** The step that is under way; `summing` and `applying` wait for nobody but the coordinator. */
      phase: z.enum(["keys", "reveal", "shares", "masked", "consistency", "unmask", "summing", "applying"]),
      /** Null where it isn't known any more. */
      startedAt: z.iso.datetime().nullable(),
      /** When the phase goes on without whoever is missing. Exact from the replica that leads; from others the latest that it can be. Null for phases that wait for nobody. */
      deadline: z.object({ at: z.iso.datetime(), exact: z.boolean() }).nullable(),
      /** The fewest that it can be released with. */
      minCohort: count,
      /** Octets of one masked vector, and of those that are here. */
      bytes: z.object({ vector: count, arrived: count }),
      /** Everybody who was invited, ascending. */
      nodes: z.array(
        z.object({
          node: z.string(),
          connected: z.boolean(),
          /** The last step that it has done; `offer`: it was invited. */
          done: z.enum(roundSteps),
          /** `waited-for`: the phase waits for it; `there`: it has done its part of the phase; `out`: the round went on without it. */
          state: z.enum(["waited-for", "there", "out"]),
        }),
      ),
    })
    .nullable(),
});

/** One check of what the federation stands on, with what to do about it. */
export const findingAnswer = z.object({
  name: z.string(),
  state: z.enum(["ok", "warning", "broken"]),
  found: z.string(),
  advice: z.string().nullable(),
});
