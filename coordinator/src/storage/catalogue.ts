/**
 * The catalogue's blob as the coordinator reads it: what is publicly known of items, for statistics. The whole of a catalogue, ids and
 * titles among it, is the business of `@tributary/events`, which a coordinator has no other use for.
 */
import { fail } from "@tributary/errors";
import type { PublicItem } from "@tributary/model";
import { z } from "zod";

const itemSchema = z.object({
  category: z.string().exactOptional(),
  brand: z.string().exactOptional(),
  price: z.number().exactOptional(),
  attributes: z.array(z.string()).exactOptional(),
});

/**
 * @param bytes canonical: one item a line, each ended by one `\n`
 * @returns items in the catalogue's order
 * @throws TRB_COORDINATOR_STORE_DAMAGED when it is no catalogue
 */
export function publicItems(bytes: Uint8Array): readonly PublicItem[] {
  const lines = new TextDecoder().decode(bytes).split("\n").slice(0, -1);
  return lines.map((line, place) => {
    const parsed = itemSchema.safeParse(parseJson(line));
    if (!parsed.success)
      throw fail("TRB_COORDINATOR_STORE_DAMAGED", { reason: `line ${place + 1} of the catalogue is no item` });
    return parsed.data;
  });
}

/** Undefined when it isn't JSON. */
function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
