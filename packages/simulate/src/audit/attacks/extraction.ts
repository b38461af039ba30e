/**
 * Secret-sequence extraction: does the model say what only a few customers did? Made-up customers look at three items in an order that nobody
 * else has; the attacker knows the first and ranks all pairs that may follow by how likely the model finds them.
 *
 *   exposure = log₂ |candidates| − log₂ rank,   from 0 to log₂ |candidates| bits
 *
 * Of a secret that was never in, ranks are uniform and the exposure is 1/ln 2 = 1.44 bits on average. The same secrets left out are ranked by the
 * same model, so that what the model finds likely anyway is seen.
 *
 * Source: Carlini, Liu, Erlingsson, Kos, Song, "The Secret Sharer" (2019), §4; ranks are exact here, by trying all.
 */
import { type RandomSource, wordReader } from "@tributary/dp";
import { fail } from "@tributary/errors";
import type { Histories } from "@tributary/events";
import { allNextItemLogs, type ScoredModel } from "../model-scores.ts";
import { type PlantedCustomer, withCustomers } from "../planted-customers.ts";
import { type AttackOptions, attackedModel, type Protection, protections } from "./attacked-model.ts";

export interface ExtractionReport {
  readonly protection: Protection;
  readonly epsilon: number | null;
  /** log₂ of how many pairs may follow: the most that can be exposed. */
  readonly mostBits: number;
  readonly groups: readonly {
    /** Customers who did it; 0: nobody, for comparison. */
    readonly customers: number;
    /** `[secrets]` bits */
    readonly exposures: readonly number[];
    readonly mean: number;
    /** Secrets that are first of all candidates: they can be read off. */
    readonly extracted: number;
  }[];
}

/** How many customers did the same: one is what DP of a customer is about; of several, what is theirs together. */
const repetitions = [0, 1, 4, 16];

/** @param secrets in each group @throws TRB_AUDIT_CANARIES_UNFIT when there are too few items for secrets that don't share a first one */
export async function attackSecrets(options: AttackOptions, secrets: number): Promise<ExtractionReport[]> {
  const { items } = options.market;
  if (secrets * repetitions.length > items) {
    throw fail("TRB_AUDIT_CANARIES_UNFIT", {
      canaries: secrets * repetitions.length,
      reason: `${items} items begin too few secrets`,
    });
  }
  const reports: ExtractionReport[] = [];
  for (const protection of protections) {
    const attacked = attackedModel(protection, options);
    const { population, scored, plan } = attacked;
    const drawn = drawSecrets(secrets * repetitions.length, items, attacked.random("secrets"));
    const groups = repetitions.map((customers, place) => ({
      customers,
      secrets: drawn.slice(place * secrets, (place + 1) * secrets),
    }));
    const planted = groups.flatMap(({ customers, secrets: those }) =>
      those.flatMap((secret) =>
        Array.from({ length: customers }, (_, copy): PlantedCustomer => ({ items: secret, node: copy % population.nodes })),
      ),
    );
    const parameters = await attacked.train(withCustomers(population, planted), 1000);
    options.onProgress?.(`extraction, ${protection}: models`, 1, 1);
    const judged: ExtractionReport["groups"][number][] = [];
    for (const { customers, secrets: those } of groups) {
      const ranks: number[] = [];
      for (const secret of those) ranks.push(await rankOf(scored, parameters, secret));
      const exposures = ranks.map((rank) => Math.log2(items * items) - Math.log2(rank));
      const mean = exposures.reduce((sum, bits) => sum + bits, 0) / exposures.length;
      judged.push({ customers, exposures, mean, extracted: ranks.filter((rank) => rank === 1).length });
    }
    reports.push({
      protection,
      epsilon: attacked.epsilon === null ? null : Number(plan.epsilon),
      mostBits: Math.log2(items * items),
      groups: judged,
    });
  }
  return reports;
}

type Secret = readonly [number, number, number];

/** No first item twice. */
function drawSecrets(count: number, items: number, random: RandomSource): Secret[] {
  const words = wordReader(random);
  const any = () => 1 + Number(words.below(BigInt(items)));
  const firsts = new Set<number>();
  while (firsts.size < count) firsts.add(any());
  return [...firsts].map((first) => [first, any(), any()]);
}

/** Of the secret's last two items, among all pairs after its first: 1 for the likeliest; of equals, as if all stood before it. */
async function rankOf(scored: ScoredModel, parameters: Float32Array, [first, second, third]: Secret): Promise<number> {
  const { items } = scored;
  const [after] = await allNextItemLogs(scored, parameters, ...asked([[first]]));
  const then = await allNextItemLogs(scored, parameters, ...asked(Array.from({ length: items }, (_, i) => [first, i + 1])));
  if (after === undefined) throw fail("TRB_AUDIT_CANARIES_UNFIT", { canaries: 0, reason: "the model scores nothing" });
  const log = (one: number, other: number) => (after[one - 1] as number) + (then[one - 1]?.[other - 1] as number);
  const own = log(second, third);
  let rank = 0;
  for (let one = 1; one <= items; one++) for (let other = 1; other <= items; other++) if (log(one, other) >= own) rank += 1;
  return rank;
}

function asked(sequences: readonly (readonly number[])[]): [Histories, { begin: number; end: number }[]] {
  const length = sequences[0]?.length ?? 0;
  const items = Int32Array.from(sequences.flat());
  const histories: Histories = {
    customers: sequences.map((_, place) => `c${place}`),
    offsets: Uint32Array.from({ length: sequences.length + 1 }, (_, place) => place * length),
    items,
    actions: new Uint8Array(items.length),
    times: Float64Array.from(items, (_, place) => 3600 * (place % length)),
  };
  return [histories, sequences.map((_, place) => ({ begin: place * length, end: (place + 1) * length }))];
}
