/**
 * Histories as bytes, for the encrypted store, and back. Little-endian, as every platform that Node runs on here:
 *
 * | bytes | what |
 * |---|---|
 * | 8 | `TRBEVNTS` |
 * | 4 × 5 | format version, customers, events, length of the ids' text, what events have (the sum of 1 dwell times, 2 prices, 4 topics), as u32 |
 * | 8 · events | times, f64 |
 * | 4 · (customers + 1) | offsets, u32 |
 * | 4 · events | items, i32 |
 * | 4 · events | dwell times, f32, where events have them; NaN for none |
 * | 4 · events | prices, likewise |
 * | 4 · events | topics, i32, where events have them |
 * | 4 · customers | where each id's text ends, u32 |
 * | events | actions, u8 |
 * | | ids, UTF-8, one after another |
 * | 4 | CRC-32 of everything before |
 *
 * Version 2 lacks topics, version 1 the fifth number, dwell times and prices as well; both are still read.
 *
 * The checksum finds damage, not forgery: the store's encryption authenticates. All that later rooms rely on is checked nevertheless.
 */
import { crc32 } from "node:zlib";
import { fail } from "@tributary/errors";
import { actions, type Histories } from "./histories.ts";

const magic = new TextEncoder().encode("TRBEVNTS");
const formatVersion = 3;
const checksumLength = 4;
/** Bits of the fifth number. */
const [hasDwells, hasPrices, hasTopics] = [1, 2, 4];

/** What the header says. */
interface Header {
  readonly version: number;
  readonly customers: number;
  readonly events: number;
  readonly textLength: number;
  readonly has: number;
}

const headerLength = (version: number) => magic.length + (version === 1 ? 16 : 20);

/** Where each section starts. */
function layout({ version, customers, events, textLength, has }: Header) {
  const times = headerLength(version);
  const offsets = times + 8 * events;
  const items = offsets + 4 * (customers + 1);
  const dwells = items + 4 * events;
  const prices = dwells + (has & hasDwells ? 4 * events : 0);
  const topics = prices + (has & hasPrices ? 4 * events : 0);
  const idEnds = topics + (has & hasTopics ? 4 * events : 0);
  const actionBytes = idEnds + 4 * customers;
  const text = actionBytes + events;
  const checksum = text + textLength;
  return { times, offsets, items, dwells, prices, topics, idEnds, actionBytes, text, checksum, end: checksum + checksumLength };
}

/** The bytes of these histories: equal histories give equal bytes. */
export function encodeHistories(histories: Histories): Uint8Array {
  const encoder = new TextEncoder();
  const text = encoder.encode(histories.customers.join(""));
  const { dwells, prices, topics } = histories;
  const header: Header = {
    version: formatVersion,
    customers: histories.customers.length,
    events: histories.items.length,
    textLength: text.length,
    has: (dwells ? hasDwells : 0) | (prices ? hasPrices : 0) | (topics ? hasTopics : 0),
  };
  const at = layout(header);
  const bytes = new Uint8Array(at.end);
  const view = new DataView(bytes.buffer);
  bytes.set(magic);
  [header.version, header.customers, header.events, header.textLength, header.has].forEach((value, place) => {
    view.setUint32(magic.length + 4 * place, value, true);
  });
  bytes.set(asBytes(histories.times), at.times);
  bytes.set(asBytes(histories.offsets), at.offsets);
  bytes.set(asBytes(histories.items), at.items);
  if (dwells) bytes.set(asBytes(tidyNaN(dwells)), at.dwells);
  if (prices) bytes.set(asBytes(tidyNaN(prices)), at.prices);
  if (topics) bytes.set(asBytes(topics), at.topics);
  let end = 0;
  histories.customers.forEach((id, customer) => {
    end += Buffer.byteLength(id);
    view.setUint32(at.idEnds + 4 * customer, end, true);
  });
  bytes.set(histories.actions, at.actionBytes);
  bytes.set(text, at.text);
  view.setUint32(at.checksum, crc32(bytes.subarray(0, at.checksum)), true);
  return bytes;
}

/**
 * The histories in these bytes, in arrays of their own.
 * @throws TRB_EVENTS_STORE_VERSION, TRB_EVENTS_STORE_CORRUPT
 */
export function decodeHistories(stored: Uint8Array): Histories {
  // a Buffer's `slice` would share memory, unaligned, where a plain array's copies
  const bytes = new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
  if (bytes.length < headerLength(1) + checksumLength) throw corrupt("they are too short");
  if (!magic.every((byte, place) => bytes[place] === byte)) throw corrupt("they don't begin like stored histories");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const field = (place: number) => view.getUint32(magic.length + 4 * place, true);
  const version = field(0);
  if (!(version >= 1 && version <= formatVersion))
    throw fail("TRB_EVENTS_STORE_VERSION", { version, supported: formatVersion });
  const has = version === 1 ? 0 : field(4);
  if (has > (hasDwells | hasPrices | (version === 2 ? 0 : hasTopics))) throw corrupt("it is not known what their events have");
  const at = layout({ version, customers: field(1), events: field(2), textLength: field(3), has });
  if (bytes.length !== at.end) throw corrupt("their length is wrong");
  if (view.getUint32(at.checksum, true) !== crc32(bytes.subarray(0, at.checksum))) throw corrupt("their checksum is wrong");

  const section = (from: number, to: number) => bytes.slice(from, to).buffer; // copied, hence aligned
  const idEnds = new Uint32Array(section(at.idEnds, at.actionBytes));
  const histories: Histories = {
    customers: readIds(bytes.subarray(at.text, at.checksum), idEnds),
    offsets: new Uint32Array(section(at.offsets, at.items)),
    items: new Int32Array(section(at.items, at.dwells)),
    actions: bytes.slice(at.actionBytes, at.text),
    times: new Float64Array(section(at.times, at.offsets)),
    ...(has & hasDwells ? { dwells: new Float32Array(section(at.dwells, at.prices)) } : {}),
    ...(has & hasPrices ? { prices: new Float32Array(section(at.prices, at.topics)) } : {}),
    ...(has & hasTopics ? { topics: new Int32Array(section(at.topics, at.idEnds)) } : {}),
  };
  checkHistories(histories);
  return histories;
}

/**
 * Checks everything that `Histories` promises.
 * @throws TRB_EVENTS_STORE_CORRUPT
 */
function checkHistories(histories: Histories): void {
  const { customers, offsets, items, actions: actionOfEvent, times, dwells, prices, topics } = histories;
  if (offsets[0] !== 0 || offsets.at(-1) !== items.length) throw corrupt("their events don't add up");
  for (let customer = 0; customer < customers.length; customer++) {
    const start = offsets[customer] ?? 0;
    const end = offsets[customer + 1] ?? 0;
    if (end < start || end > items.length) throw corrupt("their events don't add up");
    if (customer > 0 && (customers[customer - 1] ?? "") >= (customers[customer] ?? ""))
      throw corrupt("customers are out of order");
    for (let event = start + 1; event < end; event++) {
      if ((times[event] ?? 0) < (times[event - 1] ?? 0)) throw corrupt("events are out of order");
    }
  }
  if (!times.every((time) => Number.isFinite(time))) throw corrupt("a time is no number");
  for (const amounts of [dwells, prices]) {
    if (amounts?.some((amount) => amount < 0 || amount === Number.POSITIVE_INFINITY))
      throw corrupt("an amount is out of range");
  }
  if (!items.every((item) => item >= 0)) throw corrupt("an item number is negative");
  if (topics?.some((topic, event) => topic < 0 || (topic > 0 && items[event] !== 0)))
    throw corrupt("a topic is negative, or of an event with an item");
  if (!actionOfEvent.every((action) => action < actions.length)) throw corrupt("an action is not known");
}

function readIds(text: Uint8Array, idEnds: Uint32Array): string[] {
  let start = 0;
  const ids = Array.from(idEnds, (end) => {
    if (end <= start || end > text.length) throw corrupt("an id's text is missing");
    const id = decodeText(text.subarray(start, end));
    start = end;
    return id;
  });
  if (start !== text.length) throw corrupt("there is text that belongs to no id");
  return ids;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decodeText(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    throw fail("TRB_EVENTS_STORE_CORRUPT", { reason: "an id's text is not UTF-8" }, error);
  }
}

const corrupt = (reason: string) => fail("TRB_EVENTS_STORE_CORRUPT", { reason });
/** NaN has many bit patterns: equal histories must give equal bytes. */
const tidyNaN = (amounts: Float32Array) => amounts.map((amount) => (Number.isNaN(amount) ? Number.NaN : amount));
const asBytes = (array: Uint32Array | Int32Array | Float32Array | Float64Array) =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
