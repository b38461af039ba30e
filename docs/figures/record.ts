/**
 * What was measured, as files: docs/measurements/NAME.json holds one run of one command, or what was measured once by hand. Nothing here
 * knows what a record is about; a figure is found by its path, and a path that leads nowhere is refused.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * `run`: written by docs/measure.ts. `page`: what a page printed before there were records, until the command is run again. `then`: as
 * measured then; no command repeats it, and its commit is the one that brought it into the page.
 */
const origins = ["run", "page", "then"] as const;
type Origin = (typeof origins)[number];

interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  /** Node's version. */
  readonly node: string;
  /** Average load as the run began, or in words what else was running. */
  readonly load: number | string;
}

export interface MeasurementRecord {
  readonly what: string;
  /** What prints it; null: done by hand. */
  readonly command: string | null;
  readonly environment?: Readonly<Record<string, string>>;
  /** Year, month, day (UTC). */
  readonly date: string;
  readonly commit: string;
  readonly origin: Origin;
  readonly machine: Machine;
  readonly note?: string;
  /** The document that the command printed, whole. */
  readonly output: unknown;
}

/** All records by name, read once. */
export type Measurements = ReadonlyMap<string, MeasurementRecord>;

/** @param folder docs/measurements, or a test's */
export function readMeasurements(folder: string): Measurements {
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".json")) : [];
  return new Map(names.sort().map((name) => [name.slice(0, -".json".length), readRecord(join(folder, name))]));
}

function readRecord(path: string): MeasurementRecord {
  const read: unknown = JSON.parse(readFileSync(path, "utf8"));
  const text = (key: string): string => {
    const value = member(read, key);
    if (typeof value !== "string" || value === "") throw new Error(`${path}: ${key} is no text`);
    return value;
  };
  const number = (key: string): number => {
    const value = member(member(read, "machine"), key);
    if (typeof value !== "number") throw new Error(`${path}: machine.${key} is no number`);
    return value;
  };
  const origin = origins.find((known) => known === text("origin"));
  if (origin === undefined) throw new Error(`${path}: origin is none of ${origins.join(", ")}`);
  if (!/^\d{4}-\d\d-\d\d$/.test(text("date"))) throw new Error(`${path}: date is no year-month-day`);
  if (!/^[0-9a-f]{7,40}$/.test(text("commit"))) throw new Error(`${path}: commit is no hash`);
  const [command, environment, note, output] = ["command", "environment", "note", "output"].map((key) => member(read, key));
  const [processor, node, load] = ["processor", "node", "load"].map((key) => member(member(read, "machine"), key));
  if (output === undefined || output === null) throw new Error(`${path}: output is missing`);
  if (command !== null && typeof command !== "string") throw new Error(`${path}: command is neither text nor null`);
  if (origin !== "then" && command === null) throw new Error(`${path}: what no command repeats is of origin "then"`);
  return {
    ...{ what: text("what"), command, date: text("date"), commit: text("commit"), origin, output },
    ...(isTexts(environment) ? { environment } : {}),
    ...(typeof note === "string" ? { note } : {}),
    machine: {
      ...{ processor: String(processor), node: String(node), cores: number("cores"), memoryGiB: number("memoryGiB") },
      load: typeof load === "number" ? load : String(load),
    },
  };
}

function isTexts(value: unknown): value is Readonly<Record<string, string>> {
  return typeof value === "object" && value !== null && Object.values(value).every((one) => typeof one === "string");
}

function member(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>)[key] : undefined;
}

/**
 * What stands at a path. Steps are parted by dots: a key, a place, `*` (of every element that has what follows), or `key=value` (the first
 * element of a list whose key is that).
 *
 * @throws Error where nothing stands there
 */
export function at(measurements: Measurements, path: string): unknown {
  const [name = "", ...steps] = path.split(".");
  const record = measurements.get(name);
  if (record === undefined) throw new Error(`there is no docs/measurements/${name}.json for ${path}`);
  const found = follow(record.output, steps);
  if (found === undefined) throw new Error(`${path}: docs/measurements/${name}.json has nothing there`);
  return found;
}

/** The same from a value on; undefined where nothing stands there. */
function follow(value: unknown, steps: readonly string[]): unknown {
  const [step, ...rest] = steps;
  if (step === undefined || value === undefined) return value;
  if (step === "*") {
    const found = Array.isArray(value)
      ? value.map((one) => follow(one, rest)).filter((one) => one !== undefined)
      : Object.values(Object(value)).map((one) => follow(one, rest));
    return found.length === 0 ? undefined : found.flat();
  }
  const [key = "", wanted] = step.split("=");
  if (wanted === undefined) return follow(member(value, key), rest);
  if (!Array.isArray(value)) return undefined;
  return follow(
    value.find((one) => String(member(one, key)) === wanted),
    rest,
  );
}

/** The elements of a list at a path, each with its own look-ups. @throws Error where it is no list */
export function rowsAt(measurements: Measurements, path: string): readonly Row[] {
  const list = at(measurements, path);
  if (!Array.isArray(list)) throw new Error(`${path} is no list`);
  return list.map((one: unknown, place) => rowOf(one, `${path}.${place}`));
}

/** One document: the whole output of a record, or an element of a list in it. */
export interface Row {
  /** A number, or a range of them: `[lowest, highest]`. @throws Error where there is none */
  readonly number: (path: string) => number | readonly number[];
  /** The same where it may be missing. */
  readonly maybe: (path: string) => number | readonly number[] | undefined;
  /** @throws Error where there is none */
  readonly text: (path: string) => string;
}

export function rowAt(measurements: Measurements, path: string): Row {
  return rowOf(at(measurements, path), path);
}

function rowOf(value: unknown, whose: string): Row {
  const look = (path: string): unknown => follow(value, path.split("."));
  const maybe = (path: string): number | readonly number[] | undefined => {
    const found = look(path);
    if (found === undefined || found === null) return undefined;
    if (!isFigure(found)) throw new Error(`${whose}.${path} is no number`);
    return found;
  };
  return {
    maybe,
    number: (path) => {
      const found = maybe(path);
      if (found === undefined) throw new Error(`${whose}.${path} is missing`);
      return found;
    },
    text: (path) => {
      const found = look(path);
      if (typeof found !== "string") throw new Error(`${whose}.${path} is no text`);
      return found;
    },
  };
}

export function isFigure(value: unknown): value is number | readonly number[] {
  return typeof value === "number" || (Array.isArray(value) && value.every((one) => typeof one === "number"));
}
