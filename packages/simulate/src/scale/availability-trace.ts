/**
 * When nodes were online, from a file: one stretch a line, `node,first attempt,last attempt`, both included. Nodes and attempts are numbered
 * from 0; blank lines and lines that begin with # are passed over. Who is not named is never there.
 */
import { fail } from "@tributary/errors";

export interface AvailabilityTrace {
  readonly isOnline: (node: number, attempt: number) => boolean;
}

/**
 * @param period the trace begins anew after so many attempts; its last attempt plus one unless given
 * @throws TRB_SIMULATE_TRACE_INVALID
 */
export function parseAvailabilityTrace(text: string, nodes: number, period?: number): AvailabilityTrace {
  const stretches = new Map<number, [first: number, last: number][]>();
  let end = 0;
  text.split("\n").forEach((line, place) => {
    if (line.trim() === "" || line.startsWith("#")) return;
    const numbers = /^(\d{1,9}),(\d{1,9}),(\d{1,9})\s*$/.exec(line)?.slice(1).map(Number) ?? [];
    const [node = -1, first = -1, last = -1] = numbers;
    if (node < 0 || node >= nodes || last < first) throw fail("TRB_SIMULATE_TRACE_INVALID", { line: place + 1, nodes });
    const own = stretches.get(node);
    if (own) own.push([first, last]);
    else stretches.set(node, [[first, last]]);
    end = Math.max(end, last + 1);
  });
  if (end === 0) throw fail("TRB_SIMULATE_TRACE_INVALID", { line: 0, nodes });
  const cycle = period ?? end;
  return {
    isOnline(node, attempt) {
      const at = attempt % cycle;
      return stretches.get(node)?.some(([first, last]) => first <= at && at <= last) ?? false;
    },
  };
}
