/** Opens what the coordinator remembers. */
import type { HomeLayout } from "../home/layout.ts";
import { openSqliteStore, type Store } from "./store.ts";

export interface StoreRequest {
  readonly layout: HomeLayout;
  /** Whether a home that holds nothing yet is founded; otherwise it is refused. */
  readonly create: boolean;
}

/** @throws TRB_COORDINATOR_HOME_EMPTY when there is nothing to open and `create` is not set, TRB_COORDINATOR_STORE_DAMAGED */
export const openStoreOf = ({ layout, create }: StoreRequest): Promise<Store> => openSqliteStore(layout, { create });
