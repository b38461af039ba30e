/** Where a federation is kept, for commands beside its server. */
import { homeLayout } from "../home/layout.ts";
import { openStoreOf } from "./open-store.ts";
import type { Store } from "./store.ts";

/** A home; or, of a federation in PostgreSQL, a replica's home, which has the keys, and the database's address. */
export type Place = string | { readonly home: string; readonly databaseUrl?: string | undefined };

export const homeOf = (place: Place): string => (typeof place === "string" ? place : place.home);

/** @throws what `openStoreOf` throws; TRB_COORDINATOR_HOME_EMPTY where no federation is */
export function openPlace(place: Place): Promise<Store> {
  const databaseUrl = typeof place === "string" ? undefined : place.databaseUrl;
  return openStoreOf({ layout: homeLayout(homeOf(place)), databaseUrl, create: false });
}
