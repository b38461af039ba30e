/**
 * Built pages, served as they are: `index.html` anew each time, everything else for a year, because a file's name holds its content's hash. Where a page
 * lies is asked when somebody first opens it. Pages hold nothing private: what they show they ask for by the API, as whoever logs in.
 */
import fastifyStatic from "@fastify/static";
import type { FastifyInstance, FastifyReply } from "fastify";

/** The folder of a page, with its `index.html`. */
type PageFolder = () => Promise<string>;

export interface ServedPages {
  /** At `/`: the coordinator's own. */
  readonly coordinator?: PageFolder;
  /** At `/device/`: a shopper's device. It runs WebAssembly. */
  readonly device?: PageFolder;
}

/** Where each page is, and what its policy allows beside its own files. */
const places = {
  coordinator: { at: "/", policy: [] },
  device: { at: "/device/", policy: ["script-src 'self' 'wasm-unsafe-eval'"] },
} as const satisfies Readonly<Record<keyof ServedPages, { readonly at: string; readonly policy: readonly string[] }>>;

/** Nothing from anybody else, no script within the page's text, and in nobody's frame. */
const basePolicy = [
  "default-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "object-src 'none'",
] as const;

const assets = (at: string) => `${at}assets/*`;

/** Whether a route is a page's, not the API's. */
export const isPagePath = (path: string): boolean => Object.values(places).some(({ at }) => path === at || path === assets(at));

/** What files of a page are called; of anything else, a NUL in it for one, the file system isn't asked. */
const assetName = /^[\w.-]+(\/[\w.-]+)*$/;

/** Of files with their hash in their names, in seconds. */
const year = 365 * 24 * 3600;

export async function servePages(app: FastifyInstance, pages: ServedPages): Promise<void> {
  await app.register(fastifyStatic, {
    root: import.meta.dirname,
    serve: false,
    preCompressed: true,
    cacheControl: false,
    // of what is there: what isn't may be there later
    setHeaders: (reply, path) =>
      void reply.header(
        "cache-control",
        /index\.html(\.(br|gz))?$/.test(path) ? "no-store" : `public, max-age=${year}, immutable`,
      ),
  });
  for (const name of Object.keys(places) as (keyof ServedPages)[]) {
    const folder = pages[name];
    if (folder === undefined) continue;
    const { at, policy } = places[name];
    const underPolicy = (reply: FastifyReply) => reply.header("content-security-policy", [...basePolicy, ...policy].join("; "));
    app.get(at, async (_request, reply) => underPolicy(reply).sendFile("index.html", await folder()));
    app.get<{ Params: { "*": string } }>(assets(at), async ({ params: { "*": name } }, reply) =>
      assetName.test(name) ? underPolicy(reply).sendFile(`assets/${name}`, await folder()) : reply.callNotFound(),
    );
  }
}
