/**
 * The pages of an HTTP API as something that a query can select from. Each page goes to DuckDB as it came, which takes it apart: numbers keep all
 * their digits. A page is kept by the spool before it counts, with the address of the next one, so that an import that is killed goes on
 * there, and no page counts twice.
 */
import { createHash } from "node:crypto";
import { fail } from "@tributary/errors";
import { type Engine, literal } from "../engine.ts";
import { objectRelation, type Relation } from "../relation.ts";
import type { ReadingOptions } from "../source.ts";
import { pageAddress, withoutQuery } from "./page-address.ts";
import type { FetchedPage, PagesSource } from "./pages-source.ts";
import { invalid, type PageAnswer, pageClient } from "./request-page.ts";

const defaultRetries = 5;

/** @param mostRows rows from which on no further page is fetched; whoever only looks keeps none either */
export async function pagesRelation(
  engine: Engine,
  source: PagesSource,
  options: ReadingOptions,
  place: number,
  mostRows = Number.POSITIVE_INFINITY,
): Promise<Relation> {
  const table = `pages_${place}`;
  const first = firstAddress(source);
  const spool = mostRows === Number.POSITIVE_INFINITY ? source.spool : undefined;
  const request = requestOf(source);
  await engine.run(`CREATE TEMP TABLE ${table} (json VARCHAR)`);
  const asked = new Set([first.href]);
  let rows = 0;
  let pages = 0;
  let next: string | null = first.href;
  let before = "";
  const take = async (page: FetchedPage, url: URL) => {
    rows += await takeApart(engine, page.body, table, source, url);
    pages++;
    next = page.next;
    before = hashOf(page.body);
    if (next !== null) asked.add(next);
  };
  if (spool !== undefined) for await (const page of spool.pages(request)) await take(page, first);
  const client = pageClient(source.token, source.retries ?? defaultRetries);
  try {
    while (next !== null && rows < mostRows) {
      const url = new URL(next);
      const answer = await client.get(url);
      const found = await lookInto(engine, answer, source, pages === 0);
      const following =
        found.items === 0 && source.paging.kind === "number" ? null : nextAddress(source, answer, url, found.cursor);
      if (following !== null && (asked.has(following) || hashOf(answer.body) === before)) {
        throw fail("TRB_EVENTS_PAGE_REPEATED", { source: withoutQuery(url), page: pages + 1 });
      }
      const page: FetchedPage = { body: answer.body, next: following };
      await spool?.add(request, pages, page);
      await take(page, url);
    }
  } finally {
    await client.close();
  }
  if (rows === 0) throw fail("TRB_EVENTS_EMPTY", { file: withoutQuery(first) });
  const json = "CASE WHEN json_type(json) = 'OBJECT' THEN json END";
  return objectRelation(
    engine,
    { name: withoutQuery(first), format: "pages", from: `(SELECT ${json} AS json FROM ${table})` },
    options,
  );
}

/** Everything that decides what the pages are, apart from the token. */
const requestOf = ({ url, items, paging }: PagesSource) => hashOf(JSON.stringify({ url, items, paging }));
const hashOf = (bytes: string | Uint8Array) => createHash("sha256").update(bytes).digest("hex");

function firstAddress({ url, paging }: PagesSource): URL {
  const first = pageAddress(url);
  if (paging.kind === "number" && !first.searchParams.has(paging.parameter)) first.searchParams.set(paging.parameter, "1");
  return first;
}

/** `data.items` → `$."data"."items"` */
const jsonPath = (path: string | undefined) =>
  path === undefined || path === ""
    ? "$"
    : `$${path
        .split(".")
        .map((key) => `."${key.replaceAll('"', '\\"')}"`)
        .join("")}`;

interface Found {
  readonly items: number;
  /** Undefined where there is none. */
  readonly cursor: string | undefined;
}

/** @throws TRB_EVENTS_PAGE_INVALID */
async function lookInto(engine: Engine, { text, url }: PageAnswer, source: PagesSource, isFirst: boolean): Promise<Found> {
  await engine.fill("page_now", ["page"], [[text]]);
  try {
    const [valid] = await engine.rows("SELECT json_valid(page) FROM page_now");
    if (valid?.[0] !== true) throw invalid(url, "it is not JSON, or was cut short");
    const path = literal(jsonPath(source.items));
    const [list] = await engine.rows(`SELECT json_type(page, ${path}), json_array_length(page, ${path}) FROM page_now`);
    if (list?.[0] !== "ARRAY") {
      const where =
        source.items === undefined
          ? "it is no list; say where the items are (--page-items)"
          : `it has no list at ${source.items}`;
      throw invalid(url, where.slice(0, 200));
    }
    const items = Number(list[1]);
    if (source.paging.kind !== "cursor") return { items, cursor: undefined };
    const { next } = source.paging;
    const at = literal(jsonPath(next));
    const [cursor] = await engine.rows(`SELECT json_type(page, ${at}), json_extract_string(page, ${at}) FROM page_now`);
    const [kind, value] = cursor ?? [];
    if (kind === null && isFirst)
      throw invalid(url, `it has nothing at ${next}, where the next page should be named`.slice(0, 200));
    if (kind === null || kind === "NULL" || value === "") return { items, cursor: undefined };
    if (kind === "VARCHAR" || kind === "UBIGINT" || kind === "BIGINT") return { items, cursor: String(value) };
    if (kind === "BOOLEAN" && value === "false") return { items, cursor: undefined };
    throw invalid(url, `what stands at ${next} is neither a text nor a number`.slice(0, 200));
  } finally {
    await engine.run("DROP TABLE page_now");
  }
}

/** @throws TRB_EVENTS_BAD_ADDRESS */
function nextAddress({ paging }: PagesSource, answer: PageAnswer, asked: URL, cursor: string | undefined): string | null {
  if (paging.kind === "link") {
    const next = linkedNext(answer.link);
    return next === undefined ? null : pageAddress(next, answer.url).href;
  }
  if (paging.kind === "cursor") {
    if (cursor === undefined) return null;
    if (/^(https?:\/\/|[/?])/i.test(cursor)) return pageAddress(cursor, answer.url).href;
  }
  const url = new URL(asked);
  const number = Number(url.searchParams.get(paging.parameter) ?? "1") + 1;
  url.searchParams.set(paging.parameter, paging.kind === "cursor" ? (cursor ?? "") : String(number));
  return url.href;
}

/** RFC 8288: `<https://…?page=2>; rel="next", <…>; rel=last` */
function linkedNext(header: string): string | undefined {
  for (const [, target, parameters] of header.matchAll(/<([^>]*)>((?:\s*;\s*[^,;"]+(?:"[^"]*")?)*)/g)) {
    const relation = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,]+))/i.exec(parameters ?? "");
    if (`${relation?.[1] ?? relation?.[2] ?? ""}`.toLowerCase().split(/\s+/).includes("next")) return target;
  }
  return undefined;
}

/** Puts a page's items into the table, in order, and says how many they are. */
async function takeApart(engine: Engine, body: Uint8Array, table: string, { items }: PagesSource, url: URL): Promise<number> {
  await engine.fill("page_now", ["page"], [[new TextDecoder().decode(body)]]);
  try {
    const path = jsonPath(items);
    const [count] = await engine.rows(`SELECT json_array_length(page, ${literal(path)}) FROM page_now`);
    await engine.run(
      `INSERT INTO ${table} SELECT item FROM (SELECT unnest(json_extract(page, ${literal(`${path}[*]`)})) AS item FROM page_now)`,
    );
    return Number(count?.[0] ?? 0);
  } catch {
    throw invalid(url, "DuckDB can't take it apart"); // its message would quote what stands in the page
  } finally {
    await engine.run("DROP TABLE page_now");
  }
}
