/** Rows of the ledger, read quickly and without a verdict: what an entry says of itself. What holds is the verifier's to say. */
import { type Entry, parseLine, writtenIn } from "@tributary/ledger";
import type { Plan } from "@tributary/protocol";
import { type LedgerRow, part } from "./words.ts";

/** What rows are read by: it grows as entries name nodes. */
export interface RowReader {
  readonly nodes: string[];
  plan: Plan | undefined;
  row(index: number, line: string, bytes: number): LedgerRow;
}

export function rowReader(): RowReader {
  const nodes: string[] = [];
  const places = new Map<string, number>();
  const placeOf = (node: string): number => {
    const known = places.get(node);
    if (known !== undefined) return known;
    places.set(node, nodes.length);
    nodes.push(node);
    return nodes.length - 1;
  };

  const reader: RowReader = {
    nodes,
    plan: undefined,
    row(index, line, bytes) {
      const entry = readable(line);
      if (entry === undefined) return { index, kind: "unreadable", at: "", bytes };
      try {
        if (entry.kind === "genesis") {
          reader.plan ??= entry.plan;
          for (const { node } of entry.roster) placeOf(node);
        }
        if (entry.kind === "roster") for (const { node } of entry.admitted ?? []) placeOf(node);
        const { kind, at } = entry;
        return {
          index,
          kind,
          at,
          bytes,
          ...particulars(entry, reader.plan),
          ...partsOf(entry, placeOf, nodes),
          ...metrics(line, reader.plan),
        };
      } catch (error) {
        // an entry of a form that nobody wrote: the verifier says what is wrong with it
        if (!(error instanceof TypeError)) throw error;
        return { index, kind: "unreadable", at: "", bytes };
      }
    },
  };
  return reader;
}

/** Not held to the schema, which the verifier does: ten thousand rows should be there at once. */
function readable(line: string): Entry | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && typeof (value as Entry).kind === "string"
      ? (value as Entry)
      : undefined;
  } catch (_) {
    return undefined;
  }
}

function metrics(line: string, plan: Plan | undefined): Pick<LedgerRow, "metrics"> {
  if (!line.includes('"sum":[')) return {};
  try {
    const { metrics: released } = writtenIn(parseLine(line), plan);
    return released === undefined ? {} : { metrics: released };
  } catch (_) {
    // an entry that doesn't hold says nothing that could be shown
    return {};
  }
}

function particulars(entry: Entry, plan: Plan | undefined): Partial<LedgerRow> {
  const what = "release" in entry ? plan?.releases[entry.release]?.kind : undefined;
  const of = { ...("release" in entry ? { release: entry.release } : {}), ...(what === undefined ? {} : { what }) };
  switch (entry.kind) {
    case "genesis":
      return { words: entry.federation };
    case "round": {
      const { round, cohort, survivors, spent } = entry;
      return {
        ...of,
        round,
        cohort: cohort.length,
        survivors: survivors.length,
        charged: true,
        epsilon: Number(spent.epsilon),
      };
    }
    case "aborted": {
      const { round, cohort, spent, charged, code } = entry;
      return {
        ...of,
        round,
        ...(cohort === undefined ? {} : { cohort: cohort.length }),
        charged,
        epsilon: Number(spent.epsilon),
        words: code,
      };
    }
    case "roster": {
      const { revoked, admitted = [], rotated = [], reason } = entry;
      const names = [
        ...revoked.map((node) => `− ${node}`),
        ...admitted.map(({ node }) => `+ ${node}`),
        ...rotated.map(({ node }) => `↻ ${node}`),
      ];
      return { words: [names.join(", "), reason].filter((text) => text !== "").join(": ") };
    }
    case "operator":
      return { words: [entry.operator, entry.action, entry.subject, entry.reason].filter((text) => text).join(" · ") };
    case "erasure":
      return { words: `${entry.node}, ${entry.on}` };
    case "promotion":
      return { words: `${entry.modelHash.slice(0, 12)} · ${entry.rule}` };
    case "rollback":
      return { words: `${entry.modelHash.slice(0, 12)} · ${entry.operator} · ${entry.reason}` };
    case "closing":
      return { epsilon: Number(entry.spent.epsilon), words: entry.reason };
  }
}

/** Whom a round had, and where it lost them. */
function partsOf(entry: Entry, placeOf: (node: string) => number, nodes: readonly string[]): Pick<LedgerRow, "parts"> {
  if (entry.kind !== "round" && entry.kind !== "aborted") return {};
  const { cohort = [] } = entry;
  const places = cohort.map(placeOf);
  const parts = new Uint8Array(nodes.length);
  const mark = (members: readonly string[], value: number) => {
    for (const node of members) parts[placeOf(node)] = value;
  };
  for (const place of places) parts[place] = entry.kind === "round" ? part.lostAtShares : part.aborted;
  if (entry.kind === "round") {
    mark(entry.sharers, part.lostAtMasked);
    mark(entry.survivors, part.summed);
  } else mark(entry.barred ?? [], part.barred);
  return { parts };
}
