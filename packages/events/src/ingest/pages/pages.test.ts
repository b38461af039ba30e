import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { makeCatalogue } from "../../catalogue.ts";
import { inWords, refusal } from "../../log-files.fixture.ts";
import { type IngestOptions, ingestLog } from "../ingest-log.ts";
import { ingested } from "../ingested.fixture.ts";
import { previewLog } from "../preview.ts";
import type { FetchedPage, PageSpool, PagesSource } from "./pages-source.ts";

const catalogue = makeCatalogue(["7", "8"].map((id) => ({ id })));
const token = "t0ken-that-nobody-may-see";

type Answer = (asked: URL, request: IncomingMessage, response: ServerResponse) => void;
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A server on a free port, and what it was asked for. */
async function serve(answer: Answer) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    answer(new URL(request.url ?? "", "http://127.0.0.1"), request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { asked, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const event = (user: string | number, item: number, time: number, action = "view") => ({ user, item, action, time });
const all = [event("bob", 7, 5), event("ann", 7, 1), event("ann", 8, 3, "buy"), event("cid", 8, 9), event("ann", 7, 2)];
const words = ["ann: 1 view 1, 1 view 2, 2 buy 3", "bob: 1 view 5", "cid: 2 view 9"];
const json = (response: ServerResponse, value: unknown) => response.end(JSON.stringify(value));

/** Two events a page, by a cursor; who has no token is sent away. */
const byCursor: Answer = (url, request, response) => {
  if (request.headers.authorization !== `Bearer ${token}`) return void response.writeHead(401).end("{}");
  const start = Number(url.searchParams.get("after") ?? "0");
  const next = start + 2 < all.length ? `${start + 2}` : null;
  json(response, { data: { events: all.slice(start, start + 2) }, paging: { next } });
};
const cursor: Pick<PagesSource, "items" | "paging" | "token" | "retries"> = {
  ...{ items: "data.events", token, retries: 1 },
  paging: { kind: "cursor", next: "paging.next", parameter: "after" },
};

const options = (source: PagesSource, more: Partial<IngestOptions> = {}): IngestOptions => ({
  ...{ sources: [source], catalogue, now: 2e9, leastCustomers: 1 },
  ...more,
});
const codeOf = async (source: PagesSource) => {
  const error = await refusal(() => ingested(options(source)));
  expect(JSON.stringify([error, error.message, error.details, error.stack, error.cause])).not.toContain(token);
  return error.code.replace("TRB_EVENTS_", "");
};

/** Keeps pages in memory; what it is given is there for the next import. */
function keptPages() {
  const kept = new Map<string, FetchedPage[]>();
  const spool: PageSpool = {
    pages: async function* (request) {
      yield* kept.get(request) ?? [];
    },
    add: async (request, place, page) => {
      expect(place).toBe(kept.get(request)?.length ?? 0);
      kept.set(request, [...(kept.get(request) ?? []), page]);
    },
  };
  return { spool, kept };
}

describe("an HTTP API's pages", () => {
  it("are one log, by a cursor, by links, by addresses in the page and by numbers", async () => {
    const { origin } = await serve((url, request, response) => {
      if (url.pathname === "/cursor") return byCursor(url, request, response);
      const page = Number(url.searchParams.get("page") ?? "1");
      const events = all.slice(2 * page - 2, 2 * page);
      const next = page < 3 ? `/${url.pathname.slice(1)}?page=${page + 1}` : undefined;
      if (url.pathname === "/links" && next !== undefined) {
        response.setHeader("link", `</links?page=1>; rel="first prev", <${next}>; title="a, b"; rel=next`);
      }
      json(response, url.pathname === "/addresses" ? { events, next } : events);
    });
    const sources: PagesSource[] = [
      { url: `${origin}/cursor`, ...cursor },
      { url: `${origin}/links`, paging: { kind: "link" } },
      { url: `${origin}/addresses`, items: "events", paging: { kind: "cursor", next: "next", parameter: "unused" } },
      { url: `${origin}/numbers`, paging: { kind: "number", parameter: "page" } },
    ];
    for (const source of sources) {
      const { histories, report } = await ingested(options(source));
      expect(inWords(histories)).toEqual(words);
      expect([report.rows, report.files]).toEqual([5, [source.url]]);
    }
  });

  it("keep all digits of their numbers, and count what is no object", async () => {
    const { origin } = await serve((_, __, response) =>
      response.end(
        '[{"user":9007199254740993,"item":7,"time":1430623510123},"no event",{"user":12,"item":"8","time":"2015-05-03"}]',
      ),
    );
    const { histories, report } = await ingested(options({ url: origin, paging: { kind: "link" } }));
    expect(histories.customers).toEqual(["12", "9007199254740993"]);
    expect([report.rows, report.dropped.malformedRow]).toEqual([3, 1]);
  });

  it("are not fetched again after an import that broke off, nor counted twice", async () => {
    let broken = true;
    const { origin, asked } = await serve((url, request, response) => {
      if (broken && url.searchParams.get("after") === "4") return void response.destroy();
      byCursor(url, request, response);
    });
    const { spool, kept } = keptPages();
    const source: PagesSource = { url: `${origin}/log`, ...cursor, spool };
    expect(await codeOf(source)).toBe("SOURCE_UNREACHABLE");
    expect([...kept.values()].map((pages) => pages.length)).toEqual([2]);
    broken = false;
    asked.length = 0;
    const { histories, report } = await ingested(options(source));
    expect(inWords(histories)).toEqual(words);
    expect([report.rows, asked]).toEqual([5, ["/log?after=4"]]);
    asked.length = 0;
    expect((await ingested(options(source))).report.rows).toBe(5); // all of them are there
    expect(asked).toEqual([]);
    expect((await ingested(options({ ...source, url: `${origin}/other` }))).report.rows).toBe(5);
    expect(asked[0]).toBe("/other");
  });

  it("come again after 429, 503 and a broken answer, with the pause that the server asks for", async () => {
    let attempt = 0;
    const times: number[] = [];
    const { origin } = await serve((url, request, response) => {
      times.push(performance.now());
      attempt++;
      if (attempt === 1) return void response.writeHead(429, { "retry-after": "1" }).end();
      if (attempt === 2) return void response.writeHead(503, { "retry-after": new Date(0).toUTCString() }).end();
      if (attempt === 3) {
        response.writeHead(200, { "content-length": "1000" }).write("[");
        return void setTimeout(() => response.destroy(), 20);
      }
      byCursor(url, request, response);
    });
    const { report } = await ingested(options({ url: origin, ...cursor, retries: 3 }));
    expect(report.rows).toBe(5);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(900); // no machine is so busy that a pause is shorter
  });

  it("are looked at without reading on", async () => {
    const { origin, asked } = await serve((url, _, response) => {
      const page = Number(url.searchParams.get("page"));
      json(
        response,
        Array.from({ length: 6000 }, (__, i) => event(`c${i % 50}`, 7, 6000 * page + i)),
      );
    });
    const source: PagesSource = { url: origin, paging: { kind: "number", parameter: "page" } };
    const preview = await previewLog({ source, now: 2e9 });
    expect([preview.sampled, preview.format, asked.length]).toEqual([10_000, "pages", 2]);
    expect(preview.columns).toMatchObject({ customer: "user", item: "item", time: "time", action: "action" });
  });

  it("are refused: wrong token, addresses, redirects to others, and what is no page", async () => {
    const other = await serve((_, request, response) => json(response, { stolen: request.headers.authorization }));
    const bodies: Readonly<Record<string, string | Buffer>> = {
      "/truncated": '[{"user":"ann","it',
      "/html": "<html>",
      "/object": '{"data":{}}',
      "/latin": Buffer.from([0x5b, 0x22, 0xe9, 0x22, 0x5d]),
      "/huge": Buffer.alloc(17 * 1024 * 1024, " "),
      "/circle": '{"data":{"events":[{"user":"ann"}]},"paging":{"next":"x"}}',
      "/elsewhere": `{"data":{"events":[]},"paging":{"next":"${other.origin}/"}}`,
      "/deep": '{"data":{"events":[]},"paging":{"next":{}}}',
      "/nothing": '{"data":{"events":[]}}',
      "/empty": '{"data":{"events":[]},"paging":{"next":null}}',
    };
    const { origin } = await serve((url, request, response) => {
      if (url.pathname === "/moved") return void response.writeHead(302, { location: `${other.origin}/` }).end();
      if (url.pathname === "/round") return void response.writeHead(302, { location: "/round" }).end();
      if (url.pathname === "/here") return void response.writeHead(307, { location: `/log${url.search}` }).end();
      if (url.pathname === "/forbidden") return void response.writeHead(403).end();
      if (url.pathname === "/gone") return void response.writeHead(404).end();
      if (url.pathname === "/down") return void response.writeHead(500).end();
      if (url.pathname === "/later") return void response.writeHead(429, { "retry-after": "86400" }).end();
      if (url.pathname === "/zipped") return void response.writeHead(200, { "content-encoding": "gzip" }).end("x");
      const body = bodies[url.pathname];
      if (body === undefined) byCursor(url, request, response);
      else response.end(body);
    });
    const code = (path: string, more: Partial<PagesSource> = {}) => codeOf({ url: `${origin}${path}`, ...cursor, ...more });
    expect(await code("/log", { token: "wrong" })).toBe("SOURCE_REFUSED");
    expect(await code("/log", { token: undefined })).toBe("SOURCE_REFUSED");
    expect(await code("/forbidden")).toBe("SOURCE_REFUSED");
    expect([await code("/gone"), await code("/down"), await code("/later"), await code("/round")]).toEqual(
      Array(4).fill("SOURCE_FAILED"),
    );
    for (const path of ["/truncated", "/html", "/object", "/latin", "/huge", "/deep", "/nothing", "/zipped"]) {
      expect([path, await code(path)]).toEqual([path, "PAGE_INVALID"]);
    }
    expect(await code("/log", { items: "data.rows" })).toBe("PAGE_INVALID");
    expect(await code("/circle")).toBe("PAGE_REPEATED");
    expect(await code("/circle", { paging: { kind: "number", parameter: "page" } })).toBe("PAGE_REPEATED");
    expect(await code("/empty")).toBe("EMPTY");
    expect([await code("/moved"), await code("/elsewhere")]).toEqual(["BAD_ADDRESS", "BAD_ADDRESS"]);
    expect(other.asked).toEqual([]);
    expect((await ingested(options({ url: `${origin}/here`, ...cursor }))).report.rows).toBe(5);
    for (const url of ["http://example.org/log", "ftp://127.0.0.1/", "no address", `http://ann:${token}@127.0.0.1/`]) {
      expect([url, await codeOf({ url, ...cursor })]).toEqual([url, "BAD_ADDRESS"]);
    }
    expect(await codeOf({ url: "http://127.0.0.1:1/", ...cursor })).toBe("SOURCE_UNREACHABLE");
  });

  it("and files are one log together", async () => {
    const { origin } = await serve(byCursor);
    const sql = "SELECT 'ann' AS user, 7 AS item, 'view' AS action, 1 AS time UNION ALL SELECT 'dan', 8, 'view', 4";
    const report = await ingestLog(
      { ...options({ url: origin, ...cursor }), sources: [{ sql }, { url: origin, ...cursor }] },
      async () => undefined,
    );
    expect([report.rows, report.kept, report.dropped.duplicate]).toEqual([7, 6, 1]);
  });
});
