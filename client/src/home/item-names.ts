/**
 * item-names: how the merchant's own SKUs and the federation's items belong together, as the last import was told. SKUs are the merchant's own words, so the file is
 * sealed like the store: "TRBNAMES" · sealed(JSON).
 */
import { existsSync, readFileSync } from "node:fs";
import { fail } from "@tributary/errors";
import type { ItemNaming } from "@tributary/events";
import { z } from "zod";
import { reasonOf } from "../reason.ts";
import { removeFile, replaceFile } from "./durable.ts";
import type { Layout } from "./layout.ts";
import { withStore } from "./store/opening.ts";
import { jsonWithin, seal, unseal, withKey } from "./store/sealing.ts";

const magic = Buffer.from("TRBNAMES", "ascii");

const namesSchema = z.strictObject({
  version: z.literal(1),
  gtin: z.boolean(),
  namespace: z.string().nullable(),
  /** The list of pairs; null where there is none. */
  pairs: z.array(z.tuple([z.string(), z.string()])).nullable(),
  /** SKUs that the log had and a rule named, with their items: what the rule alone can't say backwards. */
  seen: z.array(z.tuple([z.string(), z.string()])),
});

export interface ItemNames extends ItemNaming {
  readonly seen: ReadonlyMap<string, string>;
}

/** @throws TRB_NODE_HOME_UNWRITABLE, TRB_NODE_NO_HISTORIES where there is no store, TRB_NODE_STORE_KEY_… */
export async function writeItemNames(layout: Layout, { gtin = false, namespace, pairs, seen }: ItemNames): Promise<void> {
  const names = { version: 1, gtin, namespace: namespace ?? null, pairs: pairs ? [...pairs] : null, seen: [...seen] };
  const plain = Buffer.from(JSON.stringify(namesSchema.parse(names)), "utf8");
  const sealed = withNamesKey(layout, (key) => seal(plain, key, magic));
  await replaceFile(layout.itemNames, Buffer.concat([magic, sealed]));
}

export function removeItemNames(layout: Layout): void {
  if (existsSync(layout.itemNames)) removeFile(layout.itemNames);
}

/** Undefined where items are called as the federation calls them. @throws TRB_NODE_STORE_UNREADABLE, TRB_NODE_STORE_KEY_… */
export function readItemNames(layout: Layout): ItemNames | undefined {
  if (!existsSync(layout.itemNames)) return undefined;
  const refuse = (reason: string, cause?: unknown) =>
    fail("TRB_NODE_HOME_UNREADABLE", { file: layout.itemNames, reason }, cause);
  let file: Buffer;
  try {
    file = readFileSync(layout.itemNames);
  } catch (cause) {
    throw refuse(reasonOf(cause), cause);
  }
  const plain = magic.equals(file.subarray(0, magic.length))
    ? withNamesKey(layout, (key) => unseal(file.subarray(magic.length), key, magic))
    : undefined;
  if (plain === undefined) throw refuse("the key doesn't fit, or the file was changed");
  const names = jsonWithin(namesSchema, plain);
  if (names === undefined) throw refuse("it is of another version of this program");
  const { gtin, namespace, pairs, seen } = names;
  return {
    ...(gtin ? { gtin } : {}),
    ...(namespace === null ? {} : { namespace }),
    ...(pairs === null ? {} : { pairs: new Map(pairs) }),
    seen: new Map(seen),
  };
}

function withNamesKey<Result>(layout: Layout, use: (key: Uint8Array) => Result): Result {
  const done = withStore(layout, ({ master, manifest }) => ({ result: withKey(master, manifest.store, "item names", use) }));
  if (done === undefined) throw fail("TRB_NODE_NO_HISTORIES", { home: layout.home });
  return done.result;
}
