/** A log behind an HTTP API, page by page, and where pages lie until all of them are there. */

/** Which page comes next. */
export type Paging =
  /** The answer's header `Link: <…>; rel="next"`; an answer without it is the last. */
  | { readonly kind: "link" }
  /** A value in the page, such as `paging.next`: an address, or what the parameter of the next request says. Without it the page is the last. */
  | { readonly kind: "cursor"; readonly next: string; readonly parameter: string }
  /** A number in a parameter, one more each time; a page without items is behind the last. */
  | { readonly kind: "number"; readonly parameter: string };

export interface PagesSource {
  /** Of the first page: https, or http on this machine. */
  readonly url: string;
  /** Sent as `Authorization: Bearer …` to this server alone. */
  readonly token?: string | undefined;
  /** Where the items stand in a page: keys with dots between them, `data.items`; absent when the page is a list itself. */
  readonly items?: string | undefined;
  readonly paging: Paging;
  /** Where fetched pages are kept until the import is done. Without one an import that is killed begins anew. */
  readonly spool?: PageSpool | undefined;
  /** Repetitions of a request that fails; default 5. */
  readonly retries?: number | undefined;
}

/** A page as it came, and what is asked next. */
export interface FetchedPage {
  readonly body: Uint8Array;
  /** The next page's address; null behind the last. */
  readonly next: string | null;
}

/**
 * Keeps pages of one request. They hold what the log holds: whoever keeps them encrypts them.
 * `request` names what is asked for; pages of another request are forgotten.
 */
export interface PageSpool {
  /** What an earlier run left, in order. */
  readonly pages: (request: string) => AsyncIterable<FetchedPage>;
  /** Resolves once the page, and what comes behind it, can't be lost any more. @param place from 0 */
  readonly add: (request: string, place: number, page: FetchedPage) => Promise<void>;
}
