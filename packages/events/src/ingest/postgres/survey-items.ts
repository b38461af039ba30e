/** Which items the customers of a log in PostgreSQL had: PostgreSQL cleans and groups, and only customers, items and counts come out. */
import { cleaningQuery } from "../cleaning-query.ts";
import { findRoles, secondsAhead } from "../ingest-log.ts";
import { presets } from "../presets.ts";
import type { ReadingOptions } from "../source.ts";
import { postgres } from "./dialect.ts";
import { type PostgresSource, relationOf } from "./ingest-postgres.ts";
import { withSession } from "./session.ts";

/**
 * Whatever the items are called: there is no catalogue yet.
 * @param take is handed customer, item text and events, some thousand at a time
 * @throws what `withSession` throws; TRB_EVENTS_UNKNOWN_COLUMN
 */
export function surveyItems(
  source: PostgresSource,
  options: ReadingOptions & { readonly now: number },
  take: (rows: readonly (readonly [customer: string, item: string, events: string])[]) => Promise<void>,
): Promise<void> {
  const { timeZone = "UTC" } = options;
  return withSession(source.database, { timeZone }, async (session) => {
    const from = relationOf(source);
    const columns = await session.columns(`SELECT * FROM ${from} LIMIT 0`);
    const preset = options.preset === undefined ? undefined : presets[options.preset];
    const query = cleaningQuery(
      from,
      {
        ...{ roles: findRoles({ name: session.source, columns }, options, preset), preset, malformed: undefined, timeZone },
        timeFormats: options.timeFormats ?? preset?.timeFormats ?? [],
        ...{ latest: options.now + secondsAhead, catalogue: false, texts: true },
      },
      postgres,
    );
    const grouped = `SELECT customer, item_text, count(*) FROM (${query}) AS cleaned
      WHERE reason IS NULL AND item > 0 AND item_text <> '' GROUP BY customer, item_text`;
    for await (const rows of session.stream(grouped)) {
      await take(rows.map(([customer, item, events]) => [String(customer), String(item), String(events)] as const));
    }
  });
}
