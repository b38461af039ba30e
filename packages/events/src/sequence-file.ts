/**
 * A published benchmark's sequences, read strictly: whole numbers only, and a line that is none is refused rather than dropped,
 * because figures are only comparable on the very same events. `sasrec-text` is the lenient preset for a merchant's own log.
 *
 * A line is `user item item …` in time order, or one `user item` a line; a user who comes again goes on. There are no times:
 * events are a day apart.
 */
import { fail } from "@tributary/errors";
import type { Histories } from "./histories.ts";
import { defaultLineLimit, forEachLine } from "./reading/file-bytes.ts";

export interface SequenceFile {
  readonly histories: Histories;
  /** The highest item number: items are 1 … items. */
  readonly items: number;
}

/** An item number above this would make tables that no machine holds. */
const mostItems = 2 ** 20;

const secondsBetweenEvents = 86_400;

/**
 * @throws TRB_EVENTS_FILE_NOT_FOUND, TRB_EVENTS_FILE_UNREADABLE, TRB_EVENTS_LINE_TOO_LONG, TRB_EVENTS_EMPTY,
 *   TRB_EVENTS_SEQUENCE_INVALID
 */
export async function readSequenceFile(path: string): Promise<SequenceFile> {
  const sequences = new Map<string, number[]>();
  let items = 0;
  await forEachLine(path, defaultLineLimit, (text, line) => {
    const fields = text.trim().split(/\s+/);
    const refuse = (reason: string) => fail("TRB_EVENTS_SEQUENCE_INVALID", { file: path, line, reason });
    const numbers = fields.map((field, place) => {
      // never the field itself: it may be somebody's name
      if (!/^[1-9]\d*$/.test(field)) throw refuse(`field ${place + 1} is not a whole number from 1 on`);
      if (place > 0 && Number(field) > mostItems) throw refuse(`field ${place + 1} is an item number above ${mostItems}`);
      return Number(field);
    });
    const [user = "", ...others] = fields;
    if (others.length === 0) throw refuse("there is a user, but no item");
    const sequence = sequences.get(user) ?? [];
    for (const item of numbers.slice(1)) {
      sequence.push(item);
      items = Math.max(items, item);
    }
    sequences.set(user, sequence);
  });
  if (sequences.size === 0) throw fail("TRB_EVENTS_EMPTY", { file: path });
  return { histories: flattened(sequences), items };
}

function flattened(sequences: ReadonlyMap<string, readonly number[]>): Histories {
  const customers = [...sequences.keys()].sort();
  const offsets = new Uint32Array(customers.length + 1);
  customers.forEach((customer, place) => {
    offsets[place + 1] = (offsets[place] as number) + (sequences.get(customer)?.length ?? 0);
  });
  const total = offsets[customers.length] as number;
  const items = new Int32Array(total);
  const times = new Float64Array(total);
  customers.forEach((customer, place) => {
    const begin = offsets[place] as number;
    sequences.get(customer)?.forEach((item, event) => {
      items[begin + event] = item;
      times[begin + event] = event * secondsBetweenEvents;
    });
  });
  return { customers, offsets, items, actions: new Uint8Array(total), times };
}
