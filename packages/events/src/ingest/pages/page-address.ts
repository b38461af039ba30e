/** Which addresses of an HTTP API may be asked, and how errors name them. */
import { fail } from "@tributary/errors";

/** What an error calls the API: an address without its query, which may hold a key. */
export const withoutQuery = (url: URL) => `${url.origin}${url.pathname}`;

/**
 * An address that may be asked: encrypted, or on this machine, and without a password in it.
 * @throws TRB_EVENTS_BAD_ADDRESS
 */
export function pageAddress(text: string, base?: URL): URL {
  let url: URL;
  try {
    url = new URL(text, base);
  } catch {
    throw fail("TRB_EVENTS_BAD_ADDRESS", { source: base === undefined ? "it" : withoutQuery(base), reason: "it is none" });
  }
  const source = withoutQuery(url);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && onThisMachine(url.hostname))) {
    throw fail("TRB_EVENTS_BAD_ADDRESS", { source, reason: "only https is asked, and http on this machine" });
  }
  if (url.username !== "" || url.password !== "") {
    throw fail("TRB_EVENTS_BAD_ADDRESS", { source, reason: "a name or password stands in it" });
  }
  if (base !== undefined && url.origin !== base.origin) {
    throw fail("TRB_EVENTS_BAD_ADDRESS", { source, reason: `${withoutQuery(base)} sends there, to another server` });
  }
  return url;
}

const onThisMachine = (host: string) => host === "localhost" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
