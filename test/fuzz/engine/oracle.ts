/** What must hold of every parser, whatever it is fed: see `judge`. */
import { getHeapStatistics } from "node:v8";
import { isTributaryError } from "@tributary/errors";
import type { Target } from "./target.ts";

export interface Finding {
  /** Equal for what is likely one fault: kind, error and the place of ours at which it was thrown. */
  readonly signature: string;
  /** For whoever mends it. */
  readonly report: string;
}

/** What an input of some thousand bytes may leave behind, or take, of the heap and outside it. */
const defaultMebibytes = 96;
const defaultSeconds = 1;

/** What belongs to everybody, and a document's keys must never reach. */
const shared = [
  Object.prototype,
  Array.prototype,
  Function.prototype,
  String.prototype,
  Number.prototype,
  Uint8Array.prototype,
];
const sharedKeys = shared.map((one) => Reflect.ownKeys(one).length);

/**
 * Feeds a target. What it must do: end with a value or a coded error; leave the prototypes that all share alone; take at most `target.seconds` of the
 * processor and 96 MiB.
 * @returns undefined if all of it held; at once where the target does its work at once
 */
export function judge(target: Target, fed: Uint8Array): Finding | undefined | Promise<Finding | undefined> {
  const began = process.cpuUsage();
  const before = held();
  const ended = (error: unknown): Finding | undefined => {
    const finding = error === undefined || isTributaryError(error) ? undefined : thrown(error);
    return finding ?? excess(target, began, before, fed) ?? polluted();
  };
  let result: void | Promise<void>;
  try {
    result = target.fuzz(fed);
  } catch (error) {
    return ended(error ?? new Error("something without a value was thrown"));
  }
  if (result === undefined) return ended(undefined);
  return result.then(
    () => ended(undefined),
    (error: unknown) => ended(error ?? new Error("something without a value was thrown")),
  );
}

function held(): number {
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
  return heap + external;
}

function thrown(error: unknown): Finding {
  if (!(error instanceof Error)) return { signature: `thrown: ${typeof error}`, report: `it threw ${String(error)}` };
  const frames = (error.stack ?? "").split("\n").filter((line) => line.trimStart().startsWith("at "));
  const place = /(?:at (?:async )?(\S+) )?\(?(?:file:\/\/)?\S*?((?:packages|dp|client|coordinator|test)\/\S+?\.ts)/;
  const own = frames
    .map((line) => place.exec(line))
    .find((found) => found !== null && !/^test\/fuzz\/(engine|main)/.test(found[2] ?? ""));
  const where = own === undefined || own === null ? "elsewhere" : `${own[2] ?? ""} ${own[1] ?? ""}`.trim();
  // what an error says has the input's own words in it; what must hold says always the same
  const said = error.message.startsWith("must hold") ? `: ${error.message}` : "";
  return { signature: `${error.name} in ${where}${said}`, report: error.stack ?? error.message };
}

function excess(
  { seconds = defaultSeconds, mebibytes = defaultMebibytes }: Target,
  began: NodeJS.CpuUsage,
  before: number,
  fed: Uint8Array,
): Finding | undefined {
  const { user, system } = process.cpuUsage(began); // of this process: whatever else the machine does doesn't count
  const took = (user + system) / 1e6;
  if (took > seconds)
    return { signature: "too slow", report: `${fed.length} bytes took ${took.toFixed(1)} s of the processor` };
  const more = held() - before;
  if (more <= mebibytes * 2 ** 20) return undefined;
  return { signature: "too much memory", report: `${fed.length} bytes took ${(more / 2 ** 20).toFixed(0)} MiB` };
}

function polluted(): Finding | undefined {
  const place = shared.findIndex((one, k) => Reflect.ownKeys(one).length !== sharedKeys[k]);
  if (place < 0) return undefined;
  const prototype = shared[place] as object;
  const added = Reflect.ownKeys(prototype).slice(sharedKeys[place]);
  for (const key of added) Reflect.deleteProperty(prototype, key);
  return { signature: "a shared prototype was changed", report: `${added.map(String).join(", ")} added to a shared prototype` };
}
