/** The rows that became no event, for the merchant to look through: what the log held, and the reason. Only the owner may read the file. */
import { chmodSync, writeFileSync } from "node:fs";
import { fail } from "@tributary/errors";
import { dropReasons } from "../cleaning/drop-reasons.ts";
import { systemErrorCode } from "../reading/file-bytes.ts";
import { reasonNumber } from "./cleaning-query.ts";
import { type Engine, literal } from "./engine.ts";
import type { SourceRead } from "./ingest-log.ts";

/** Of equal events the first is none of these. Other words count as another event here, though they be about the same. */
const duplicateStatement = (
  keywords: boolean,
) => `UPDATE temp.cleaned SET reason = ${reasonNumber("duplicate")} WHERE reason IS NULL AND rowid NOT IN (
  SELECT min(rowid) FROM temp.cleaned WHERE reason IS NULL GROUP BY customer, item, action, time${keywords ? ", keywords" : ""})`;

/**
 * CSV: `reason, file, row, customer, item, action, time, line`. `row` counts a source's rows from 1, `line` is the text of a line that
 * can't be taken apart, whose `row` is its line's number.
 * @throws TRB_EVENTS_FILE_UNWRITABLE
 */
export async function writeRejects(engine: Engine, path: string, sources: readonly SourceRead[]): Promise<void> {
  try {
    writeFileSync(path, "", { mode: 0o600 });
    chmodSync(path, 0o600); // a file that was there keeps its mode
  } catch (error) {
    throw fail("TRB_EVENTS_FILE_UNWRITABLE", { file: path, reason: systemErrorCode(error) }, error);
  }
  await engine.run(duplicateStatement(sources.every(({ lacking }) => !lacking.includes("keywords"))));
  const names = `[${dropReasons.map(literal).join()}]`;
  const parts = sources.flatMap(({ relation, rows, start }) => {
    const file = `${literal(relation.name)} AS file`;
    const dropped = `SELECT ${names}[reason::INTEGER + 1] AS reason, ${file}, rowid - ${start} + 1 AS row, customer, item_text AS item,
      action_text AS action, time_text AS time, NULL AS line FROM temp.cleaned
      WHERE reason IS NOT NULL AND rowid >= ${start} AND rowid < ${start + rows}`;
    if (relation.rejects === undefined) return [dropped];
    const broken = `SELECT 'malformedRow' AS reason, ${file}, reject.line AS row, NULL AS customer, NULL AS item, NULL AS action, NULL AS time,
      any_value(reject.csv_line) AS line FROM ${relation.rejects} AS reject GROUP BY reject.line`;
    return [dropped, broken];
  });
  await engine.run(`COPY (${parts.join(" UNION ALL ")}) TO ${literal(path)} (FORMAT csv, HEADER, USE_TMP_FILE false)`);
}
