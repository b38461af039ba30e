/** A node's page without a browser: requests as the page's own scripts send them, and as strangers do. */
import { mkdirSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { pino } from "pino";
import { type NodePage, servePage } from "./page.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** JSON as what it says, else text. */
  readonly body: unknown;
}

interface Asking {
  readonly body?: unknown;
  readonly method?: string;
  /** Over what the page's scripts would send; undefined leaves one out. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
}

export interface OpenedPage {
  readonly page: NodePage;
  /** As the page does, with its session. */
  ask(path: string, asking?: Asking): Promise<Answer>;
  /** As anybody. */
  askBare(path: string, asking?: Asking): Promise<Answer>;
  readonly cookie: string;
  readonly links: string[];
  /** Everything that was logged, at every level. */
  readonly logged: string[];
}

/** Served on a free port, with its link used. @param folder of this test alone */
export async function openPage(folder: string, home: string): Promise<OpenedPage> {
  const files = join(folder, "page");
  mkdirSync(join(files, "assets"), { recursive: true });
  writeFileSync(join(files, "index.html"), "<!doctype html><title>page</title>");
  writeFileSync(join(files, "assets", "main-1234.js"), "export {};");
  const links: string[] = [];
  const logged: string[] = [];
  const log = pino({ base: null, level: "trace" }, { write: (line: string) => void logged.push(line) });
  const page = await servePage({ home, page: files, port: 0, onLink: (link) => links.push(link), log });
  const askBare = (path: string, { body, method = body === undefined ? "GET" : "POST", headers = {} }: Asking = {}) => {
    const text = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body);
    const all = { ...(text === undefined ? {} : { "content-type": "application/json" }), ...headers };
    return send(`${page.url}${path}`, method, all, text);
  };
  const own = { origin: page.url, "sec-fetch-site": "same-origin" };
  const begun = await askBare("/api/session", { body: { token: page.link().split("#")[1] }, headers: own });
  const cookie = String(begun.headers["set-cookie"]);
  const ask = (path: string, { headers = {}, ...asking }: Asking = {}) =>
    askBare(path, { ...asking, headers: { ...own, cookie: cookie.split(";")[0], ...headers } });
  return { page, ask, askBare, cookie, links, logged };
}

/** `fetch` lets nobody choose `host`. */
function send(
  url: string,
  method: string,
  headers: Readonly<Record<string, string | undefined>>,
  text?: string,
): Promise<Answer> {
  const given = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined));
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers: given as Record<string, string> }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("error", reject);
      response.once("end", () => {
        const body = Buffer.concat(chunks).toString("utf8");
        const isJson = response.headers["content-type"]?.includes("json") === true;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: isJson ? JSON.parse(body) : body });
      });
    });
    sent.once("error", reject);
    sent.end(text);
  });
}

export const codeOf = ({ status, body }: Answer): readonly [number, unknown] => [
  status,
  typeof body === "object" && body !== null && "code" in body ? body.code : undefined,
];
