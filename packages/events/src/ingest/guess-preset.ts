/** Which delimiter and which of the well-known shapes a log has, by its first line. */
import { fail } from "@tributary/errors";
import { actionNumber } from "../action-names.ts";
import type { Engine } from "./engine.ts";
import type { IngestPreset } from "./presets.ts";
import type { PreviewOptions } from "./preview.ts";
import { firstLine, openRelation, type Relation } from "./relation.ts";
import { type ReadingOptions, sampledRows } from "./source.ts";

export interface Guessed {
  readonly options: ReadingOptions;
  readonly relation: Relation;
  readonly preset: IngestPreset | undefined;
}

const delimiters = [",", ";", "\t", "|"] as const;

/** Names that a shape has, each a list of what it may be called. */
const marks: readonly (readonly [IngestPreset, readonly (readonly string[])[]])[] = [
  ["retailrocket", [["visitorid"], ["itemid"], ["event"]]],
  ["uci-online-retail", [["InvoiceNo", "Invoice"], ["StockCode"], ["InvoiceDate"]]],
  [
    "amazon-reviews",
    [
      ["reviewerID", "user_id"],
      ["asin", "parent_asin"],
      ["unixReviewTime", "timestamp"],
    ],
  ],
];

/** What the caller says is not guessed at. Of one log there are two relations at most. */
export async function guessPreset(engine: Engine, given: PreviewOptions): Promise<Guessed> {
  const relation = await openRelation(engine, given.source, given, 0, sampledRows);
  if (given.preset !== undefined || typeof given.source !== "string") return { options: given, relation, preset: given.preset };
  if (relation.format !== "csv") return { options: given, relation, preset: given.columns ? undefined : marked(relation) };
  const line = await firstLine(engine, given.source, given, 1);
  const fields = (delimiter: string) => line.split(delimiter).length;
  const most = delimiters.reduce((best, one) => (fields(one) > fields(best) ? one : best), delimiters[0]);
  const delimiter = given.delimiter ?? most;
  const words = line.split(delimiter).map((word) => word.trim());
  const shape = given.columns ? undefined : isTaobao(words) ? "taobao" : isSequence(line) ? "sasrec-text" : undefined;
  if (shape === undefined && delimiter === relation.delimiter) {
    return { options: given, relation, preset: given.columns ? undefined : marked(relation) };
  }
  const options: PreviewOptions = { ...given, ...(shape === undefined ? { delimiter } : { preset: shape }) };
  const again = await openRelation(engine, given.source, options, 2);
  if (again.columns.length === 0) throw fail("TRB_EVENTS_EMPTY", { file: relation.name });
  return { options, relation: again, preset: shape ?? (given.columns ? undefined : marked(again)) };
}

const marked = ({ columns }: Relation) =>
  marks.find(([, names]) => names.every((one) => one.some((name) => columns.includes(name))))?.[0];

/** `1,2268318,2520377,pv,1511544070` */
const isTaobao = (words: readonly string[]) =>
  words.length === 5 && /^\d+$/.test(words[0] ?? "") && /^\d{9,10}$/.test(words[4] ?? "") && actionNumber(words[3] ?? "") >= 0;

/** Words and blanks alone, the first a number. */
const isSequence = (line: string) => /^\d+([ \t]+[\w-]+)+$/.test(line.trim()) && !line.includes(",");
