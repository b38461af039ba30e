/**
 * Histories → an ordinary CSV log, `customer,item,action,time` and, where events have them, `dwell`, `price` and `keywords`, that `importLog` reads back
 * to the same histories. A topic's keywords are its name in the catalogue; where two topics have the same words, the first of them is read back.
 */
import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fail } from "@tributary/errors";
import type { Catalogue } from "./catalogue.ts";
import { actions, type Histories } from "./histories.ts";
import { systemErrorCode } from "./reading/file-bytes.ts";
import { topicsOf } from "./topics/topics.ts";

/** Characters that are written at once. */
const blockLength = 64 * 1024;

/**
 * Writes customer by customer, each by time, without ever holding the file. What was written of a failed attempt is removed.
 * @throws TRB_EVENTS_FILE_UNWRITABLE, TRB_EVENTS_ITEM_NOT_IN_CATALOGUE
 */
export async function writeCsv(path: string, histories: Histories, catalogue: Catalogue): Promise<void> {
  const largest = histories.items.reduce((most, item) => Math.max(most, item), 0);
  const items = catalogue.items.length;
  if (largest > items) throw fail("TRB_EVENTS_ITEM_NOT_IN_CATALOGUE", { item: largest, items });
  const file = createWriteStream(path);
  let opened = false;
  file.once("open", () => {
    opened = true;
  });
  try {
    await pipeline(Readable.from(csvBlocks(histories, catalogue)), file);
  } catch (error) {
    if (opened) await rm(path, { force: true }); // a log that ends early would be believed; what couldn't be opened isn't ours to remove
    throw fail("TRB_EVENTS_FILE_UNWRITABLE", { file: path, reason: systemErrorCode(error) }, error);
  }
}

function* csvBlocks(
  { customers, offsets, items, actions: actionOfEvent, times, dwells, prices, topics }: Histories,
  catalogue: Catalogue,
): Generator<string> {
  const names = topics && topicsOf(catalogue.items).map(({ value }) => csvField(value));
  const itemFields = catalogue.items.map(({ id }) => csvField(id));
  let block = `customer,item,action,time${dwells ? ",dwell" : ""}${prices ? ",price" : ""}${topics ? ",keywords" : ""}\n`;
  const amount = (amounts: Float32Array | undefined, event: number) => {
    const value = amounts?.[event];
    if (value === undefined) return "";
    return Number.isNaN(value) ? "," : `,${value}`;
  };
  const keywords = (event: number) => (names && topics ? `,${names[(topics[event] ?? 0) - 1] ?? ""}` : "");
  for (const [customer, id] of customers.entries()) {
    const customerField = csvField(id);
    for (let event = offsets[customer] ?? 0; event < (offsets[customer + 1] ?? 0); event++) {
      const item = items[event] ?? 0;
      const itemField = item === 0 ? "" : (itemFields[item - 1] ?? "");
      const said = `${amount(dwells, event)}${amount(prices, event)}${keywords(event)}`;
      block += `${customerField},${itemField},${actions[actionOfEvent[event] ?? 0]},${times[event]}${said}\n`;
      if (block.length < blockLength) continue;
      yield block;
      block = "";
    }
  }
  yield block;
}

/** Quoted where RFC 4180 asks for it. */
const csvField = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
