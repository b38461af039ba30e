/**
 * pages/: what an import has fetched of an HTTP API, until the import is done; a killed one goes on from there. Pages hold what the log holds, so each file
 * is sealed like the store, and all of them go once they are in it:
 *
 *   "TRBPAGE1" · sealed(length of the head (4 bytes, little-endian) · head (JSON) · the page as it came)
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { PageSpool } from "@tributary/events/ingest";
import { z } from "zod";
import { replaceFile } from "./durable.ts";
import type { Layout } from "./layout.ts";
import { openOrMakeStore } from "./store/changing.ts";
import { closeStore } from "./store/manifest.ts";
import { overwritten } from "./store/rewriting.ts";
import { derivedKey, headWithin, seal, unseal } from "./store/sealing.ts";

const magic = Buffer.from("TRBPAGE1", "ascii");
/** A log is one moment's: pages of yesterday and of today are none. Seconds. */
const longestRest = 86_400;

const headSchema = z.strictObject({
  request: z.string(),
  place: z.int(),
  /** Unix seconds at which the first page was fetched. */
  since: z.number(),
  next: z.string().nullable(),
});
type Head = z.infer<typeof headSchema>;

/** @param now Unix seconds */
export function pageSpool(layout: Layout, now: () => number): PageSpool {
  const path = (place: number) => join(layout.pages, String(place).padStart(8, "0"));
  const bound = (place: number) => Buffer.concat([magic, Buffer.from(String(place), "ascii")]);
  /** Whoever asks for it overwrites it. */
  const pagesKey = () => {
    const store = openOrMakeStore(layout);
    const key = derivedKey(store.master, store.manifest.store, "pages");
    closeStore(store);
    return key;
  };
  /** Undefined where there is none, or none that this key opens. */
  const read = (place: number, opened: Uint8Array): { readonly head: Head; readonly body: Uint8Array } | undefined => {
    if (!existsSync(path(place))) return undefined;
    const file = readFileSync(path(place));
    const plain = magic.equals(file.subarray(0, magic.length))
      ? unseal(file.subarray(magic.length), opened, bound(place))
      : undefined;
    const found = plain && headWithin(headSchema, plain);
    return found && { head: found.head, body: found.rest };
  };
  let since: number | undefined;
  return {
    pages: async function* (request) {
      const opened = pagesKey();
      try {
        for (let place = 0; ; place++) {
          const page = read(place, opened);
          const fits = page !== undefined && page.head.request === request && now() - page.head.since < longestRest;
          if (!fits) {
            if (place === 0) clearPages(layout);
            return;
          }
          since = page.head.since;
          yield { body: page.body, next: page.head.next };
        }
      } finally {
        opened.fill(0);
      }
    },
    add: async (request, place, { body, next }) => {
      if (place === 0) since = undefined;
      since ??= now();
      mkdirSync(layout.pages, { recursive: true, mode: 0o700 });
      const head = Buffer.from(JSON.stringify({ request, place, since, next } satisfies Head), "utf8");
      const length = Buffer.alloc(4);
      length.writeUInt32LE(head.length);
      const key = pagesKey();
      const sealed = seal(Buffer.concat([length, head, body]), key, bound(place));
      key.fill(0);
      await replaceFile(path(place), Buffer.concat([magic, sealed]));
    },
  };
}

/** Once the pages are in the store. */
export function clearPages(layout: Layout): void {
  rmSync(layout.pages, { recursive: true, force: true });
}

/** When somebody is erased: nothing may hold what the store no longer holds. */
export function erasePages(layout: Layout): void {
  if (!existsSync(layout.pages)) return;
  for (const name of readdirSync(layout.pages)) overwritten(join(layout.pages, name));
  clearPages(layout);
}
