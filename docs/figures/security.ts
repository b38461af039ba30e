/**
 * "What was run" of docs/security.md: a table for each command that tries to break the project, made of what `test/security-run.ts` recorded. A command without
 * a record is said not to have been run; nothing is left out of a record that there is, least of all what failed.
 */
import type { Derived, Tables } from "./marked.ts";
import { decimals, table } from "./numbers.ts";
import { type MeasurementRecord, type Measurements, type Row, rowsAt } from "./record.ts";

/** Records by name, and the command that makes each, as it stands where there is none yet. */
const runs = {
  "security-attacks": "pnpm test:attacks --record",
  "security-chaos": "pnpm test:chaos --minutes 5 --record",
  "security-soak": "pnpm test:chaos --soak --minutes 60 --record",
  "security-fuzz": "pnpm fuzz --minutes 5 --record",
  "security-mutation-dp": "pnpm mutate dp --record",
  "security-mutation-secagg": "pnpm mutate secagg --record",
  "security-mutation-federation": "pnpm mutate federation --record",
} as const;

type Run = keyof typeof runs;
export const securityRuns = Object.keys(runs) as readonly Run[];

/** Text of a record in a cell of a table: a bar would end the cell, an angle bracket would begin HTML. */
const cell = (text: string): string => text.replace(/\s+/g, " ").replaceAll("|", "\\|").replaceAll("<", "&lt;").trim();

/** What was tried, with whether it came out as it should. @throws Error where `held` is neither */
function triedOf(measurements: Measurements, name: Run): readonly { readonly row: Row; readonly held: boolean }[] {
  const record = measurements.get(name);
  const list = (record?.output as { readonly tried?: readonly { readonly held?: unknown }[] } | undefined)?.tried ?? [];
  return rowsAt(measurements, `${name}.tried`).map((row, place) => {
    const held = list[place]?.held;
    if (typeof held !== "boolean")
      throw new Error(`docs/measurements/${name}.json: tried.${place}.held is neither true nor false`);
    return { row, held };
  });
}

/** How it was run: the command, what it ran on, how long, and whether of exactly that commit. */
function circumstances(record: MeasurementRecord, seconds: string): string {
  const { processor, cores, memoryGiB, node } = record.machine;
  const machine = `${processor}, ${cores} cores, ${memoryGiB} GiB, Node ${node}`;
  return `\`${record.command}\`: ${seconds} s on ${machine}.${record.note === undefined ? "" : ` ${record.note}`}`;
}

function run(name: Run): (measurements: Measurements) => string {
  return (measurements) => {
    const record = measurements.get(name);
    if (record === undefined) return `\`${runs[name]}\`: not run yet.`;
    const tried = triedOf(measurements, name);
    const held = tried.filter((one) => one.held).length;
    const rows = tried.map(({ row, held: good }) => [
      cell(row.text("what")),
      cell(row.text("result")),
      good ? "held" : "**failed**",
    ]);
    const seconds = (record.output as { readonly seconds?: unknown }).seconds;
    if (typeof seconds !== "number") throw new Error(`docs/measurements/${name}.json: seconds is no number`);
    return [
      `${cell(record.what)} ${held} of ${tried.length} held.`,
      circumstances(record, decimals(seconds)),
      table(["tried", "what came of it", ""], rows),
    ].join("\n\n");
  };
}

export const securityTables: Tables = Object.fromEntries(
  securityRuns.map((name) => [name, { from: [name], mayBeMissing: true, make: run(name) }]),
);

export const securityDerived: Derived = {
  /** How many of the commands have a record, and how much of what they tried held. */
  "security-held": (measurements) => {
    const there = securityRuns.filter((name) => measurements.has(name));
    const tried = there.flatMap((name) => triedOf(measurements, name));
    const held = tried.filter((one) => one.held).length;
    return `${there.length} of ${securityRuns.length} commands have been run; of ${tried.length} things that they tried, ${held} held`;
  },
};
