/**
 * How many customers have each item of a log, as private selection asks it: of each customer so many items count, and each once. What a customer counts for
 * depends on that customer's own rows alone: the items of most events, equal ones ascending. DuckDB groups; only items and counts come out.
 *
 * The same pass without a bound says what items a log has at all, for the merchant's own eyes.
 */
import { fail } from "@tributary/errors";
import { checkBytes } from "../ingest/check-bytes.ts";
import { cleaningQuery } from "../ingest/cleaning-query.ts";
import { type Engine, withEngine } from "../ingest/engine.ts";
import { engineFailure, reading } from "../ingest/engine-failures.ts";
import { findRoles, prepare, secondsAhead } from "../ingest/ingest-log.ts";
import { type PostgresSource, postgresSource } from "../ingest/postgres/ingest-postgres.ts";
import { surveyItems } from "../ingest/postgres/survey-items.ts";
import { presets } from "../ingest/presets.ts";
import { openRelation, refuseBrokenLines } from "../ingest/relation.ts";
import { type LogSource, nameOf, type ReadingOptions } from "../ingest/source.ts";

export interface ItemSurveyOptions extends ReadingOptions {
  readonly sources: readonly LogSource[];
  /** Unix seconds. */
  readonly now: number;
  /** The folder for what doesn't fit in memory. Default: the system's for temporary files. */
  readonly spillIn?: string | undefined;
}

export interface CustomersOfItemsOptions extends ItemSurveyOptions {
  /** Most items of one customer that count. */
  readonly maxItems: number;
  /** What an item is called; undefined: it doesn't count. Several SKUs may be one item. */
  readonly nameOf: (sku: string) => string | undefined;
}

/**
 * Item to customers. Adding or removing one customer changes at most `maxItems` of the counts, each by one.
 * @throws what `ingestLog` throws of sources that can't be read
 */
export function customersOfItems(options: CustomersOfItemsOptions): Promise<ReadonlyMap<string, number>> {
  return surveyed(options, async (engine) => {
    const named: [string, string][] = [];
    for await (const chunk of engine.chunks("SELECT DISTINCT sku FROM temp.had")) {
      for (const [sku] of chunk.getRows()) {
        const name = options.nameOf(String(sku));
        if (name !== undefined) named.push([String(sku), name]);
      }
    }
    await engine.fill("named", ["sku", "id"], named);
    const counts = new Map<string, number>();
    const query = `SELECT id, count(*) FROM (
      SELECT id, row_number() OVER (PARTITION BY customer ORDER BY sum(events) DESC, id) AS place
      FROM temp.had JOIN named USING (sku) GROUP BY customer, id) WHERE place <= ${options.maxItems} GROUP BY id`;
    for await (const chunk of engine.chunks(query)) {
      for (const [id, customers] of chunk.getRows()) counts.set(String(id), Number(customers));
    }
    if (counts.size === 0) throw fail("TRB_EVENTS_EMPTY", { file: options.sources.map(nameOf).join(", ") });
    return counts;
  });
}

export interface LogItem {
  readonly sku: string;
  readonly events: number;
}

/** Every item text of a log with its events, the commonest first. For the merchant alone. @throws the same */
export function itemsOfLog(options: ItemSurveyOptions): Promise<readonly LogItem[]> {
  return surveyed(options, async (engine) => {
    const items: LogItem[] = [];
    const query = "SELECT sku, sum(events)::BIGINT AS events FROM temp.had GROUP BY sku ORDER BY events DESC, sku";
    for await (const chunk of engine.chunks(query)) {
      for (const [sku, events] of chunk.getRows()) items.push({ sku: String(sku), events: Number(events) });
    }
    return items;
  });
}

/** Works on the table `temp.had`: customer, sku, events. */
async function surveyed<T>(options: ItemSurveyOptions, work: (engine: Engine) => Promise<T>): Promise<T> {
  const files = options.sources.map(nameOf);
  const elsewhere = postgresSource(options.sources);
  return withEngine(async (engine) => {
    try {
      await engine.run("CREATE TEMP TABLE temp.had (customer VARCHAR, sku VARCHAR, events BIGINT)");
      await prepare(engine, options, undefined);
      if (elsewhere !== undefined) await addFromPostgres(engine, elsewhere, options);
      else for (const [place, source] of options.sources.entries()) await addSource(engine, source, options, place);
      return await work(engine);
    } catch (error) {
      throw engineFailure(files.join(", "), error);
    }
  }, options);
}

async function addSource(engine: Engine, source: LogSource, options: ItemSurveyOptions, place: number): Promise<void> {
  const relation = await openRelation(engine, source, options, place);
  const preset = options.preset === undefined ? undefined : presets[options.preset];
  const query = cleaningQuery(relation.from, {
    ...{ roles: findRoles(relation, options, preset), preset, malformed: relation.malformed },
    timeFormats: options.timeFormats ?? preset?.timeFormats ?? [],
    ...{ timeZone: options.timeZone, latest: options.now + secondsAhead, catalogue: false, texts: true },
  });
  await reading(relation.name, async () => {
    await engine.run(`INSERT INTO temp.had SELECT customer, item_text, count(*) FROM (${query})
      WHERE reason IS NULL AND item > 0 AND item_text <> '' GROUP BY customer, item_text`);
    await checkBytes(relation, options.lineLimit);
  });
  if (relation.rejects !== undefined) await refuseBrokenLines(engine, relation.name, relation.rejects, options);
}

/** PostgreSQL groups its own rows; pairs of a customer and an item are what comes here. */
function addFromPostgres(engine: Engine, source: PostgresSource, options: ItemSurveyOptions): Promise<void> {
  return surveyItems(source, options, async (rows) => {
    await engine.fill("pairs", ["customer", "sku", "events"], rows);
    await engine.run("INSERT INTO temp.had SELECT customer, sku, events::BIGINT FROM pairs");
    await engine.run("DROP TABLE pairs");
  });
}
