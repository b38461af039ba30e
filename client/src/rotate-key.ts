/** `tributary node rotate-key`: other keys for the store, for pseudonyms, or for both. What is stored stays, under other names and seals. */
import { withHome } from "./home/open.ts";
import { type RotateOptions, rotateKeys } from "./home/store/rotation.ts";
import { keySource } from "./home/store/store-key.ts";
import { permitRenaming } from "./value/holdout.ts";

export interface RotateKeyOptions extends RotateOptions {
  readonly home: string;
}

export interface Rotated {
  readonly pseudonyms: boolean;
  readonly master: boolean;
  /** Where the new master key has to be put by hand; null where the node has done it, or there is no new one. */
  readonly putKeyTo: string | null;
}

/** @throws TRB_NODE_NOT_JOINED, TRB_VALUE_HELD_OUT_BY_NAME, TRB_NODE_HOME_BUSY, TRB_NODE_STORE_NEW_KEY_NEEDED, TRB_NODE_STORE_BUSY, TRB_NODE_HOME_UNWRITABLE, TRB_NODE_STORE_… */
export function rotateStoreKey({ home, ...options }: RotateKeyOptions): Promise<Rotated> {
  return withHome(home, async (opened) => {
    const { layout } = opened;
    const permitted = options.pseudonyms ? permitRenaming(opened) : undefined;
    try {
      await rotateKeys(layout, options);
    } finally {
      permitted?.release();
    }
    const source = keySource(layout);
    const place = source.kind === "environment" ? "TRIBUTARY_STORE_KEY" : source.kind === "own" ? null : source.path;
    return { pseudonyms: options.pseudonyms, master: options.master, putKeyTo: options.master ? place : null };
  });
}
