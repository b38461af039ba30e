/**
 * Input canaries: made-up customers with histories, who go through training as anybody does. Each looks in turn at two items of the catalogue's
 * least seen, a pair of its own that nobody else puts together. The attacker of the final model asks how much likelier training made the one item
 * after the other.
 */
import type { RandomSource } from "@tributary/dp";
import { wordReader } from "@tributary/dp";
import { fail } from "@tributary/errors";
import type { Histories } from "@tributary/events";
import type { Stretch } from "@tributary/model";
import type { Population } from "../scale/population.ts";
import { nextItemLogs, type ScoredModel } from "./model-scores.ts";
import type { PlantedCustomer } from "./planted-customers.ts";

/** Looks at the pair, one item after the other. */
const events = 8;

/**
 * @returns `[canaries]`, each at every one of the k nodes that it is a customer of
 * @throws TRB_AUDIT_CANARIES_UNFIT when rare items make too few pairs
 */
export function plantInputCanaries(
  canaries: number,
  { population, items, nodes }: { readonly population: Population; readonly items: number; readonly nodes: number },
  random: RandomSource,
): readonly PlantedCustomer[] {
  const rare = rarestItems(population, items);
  if (canaries > rare.length * (rare.length - 1)) {
    throw fail("TRB_AUDIT_CANARIES_UNFIT", { canaries, reason: `${rare.length} rare items make too few pairs` });
  }
  const words = wordReader(random);
  const anyRare = () => rare[Number(words.below(BigInt(rare.length)))] as number;
  const taken = new Set<string>();
  return Array.from({ length: canaries }, (_, canary): PlantedCustomer => {
    for (;;) {
      const [first, second] = [anyRare(), anyRare()];
      if (first === second || taken.has(`${first} ${second}`)) continue;
      taken.add(`${first} ${second}`);
      return {
        items: Array.from({ length: events }, (_event, place) => (place % 2 === 0 ? first : second)),
        node: canary % nodes,
      };
    }
  });
}

/** The half of the catalogue that is seen least. */
function rarestItems({ items: seen }: Population, items: number): number[] {
  const counts = new Float64Array(items + 1);
  for (const item of seen) counts[item] = (counts[item] as number) + 1;
  return Array.from({ length: items }, (_, i) => i + 1)
    .sort((a, b) => (counts[a] as number) - (counts[b] as number) || a - b)
    .slice(0, Math.ceil(items / 2));
}

/** `[canaries]`: by how many nats training made each pair's second item likelier after its first ones. */
export async function scoreInputs(
  scored: ScoredModel,
  canaries: readonly PlantedCustomer[],
  before: Float32Array,
  after: Float32Array,
): Promise<Float64Array> {
  const { histories, stretches, next } = questions(canaries);
  const [was, is] = [
    await nextItemLogs(scored, before, histories, stretches, next),
    await nextItemLogs(scored, after, histories, stretches, next),
  ];
  return is.map((log, canary) => log - (was[canary] as number));
}

/** After all of the history but its last event, which is the pair's second item. */
function questions(canaries: readonly PlantedCustomer[]): { histories: Histories; stretches: Stretch[]; next: number[] } {
  const items = Int32Array.from(canaries.flatMap((canary) => canary.items));
  const histories: Histories = {
    customers: canaries.map((_, canary) => `c${canary}`),
    offsets: Uint32Array.from({ length: canaries.length + 1 }, (_, canary) => canary * events),
    items,
    actions: new Uint8Array(items.length),
    times: Float64Array.from(items, (_, place) => 3600 * (place % events)),
  };
  const stretches = canaries.map((_, canary) => ({ begin: canary * events, end: (canary + 1) * events - 1 }));
  return { histories, stretches, next: canaries.map((canary) => canary.items.at(-1) ?? 0) };
}
