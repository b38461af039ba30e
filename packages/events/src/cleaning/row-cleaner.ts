/** Decides row by row what becomes an event, and counts why the others don't. */
import { fail, type TributaryError } from "@tributary/errors";
import { actionNumber, needsItem } from "../action-names.ts";
import type { Field, FoundFields, RowSink } from "../reading/rows.ts";
import { parseTime } from "../timestamps.ts";
import { type DropCounts, type DropReason, describeDrops, dropReasons } from "./drop-reasons.ts";

export interface RowCleaner extends RowSink {
  counts(): RowCounts;
  /** The error that makes this log unusable, if there is one: it holds no row, no readable time, or nothing after cleaning. */
  verdict(file: string): TributaryError | undefined;
}

interface RowCounts {
  /** Rows read, header and blank lines not counted. */
  readonly rows: number;
  /** Rows passed on. */
  readonly kept: number;
  readonly dropped: DropCounts;
  /** Events that need no item and named one that the catalogue lacks: kept, with item 0. */
  readonly itemsCleared: number;
  /** Events with a dwell time, and with a price, that could be read. */
  readonly withDwell: number;
  readonly withPrice: number;
  /** Events without an item that have keywords, whatever they are about. */
  readonly withKeywords: number;
}

/** Takes a cleaned event; `item` and `topic` are 0 for none, `time` is in Unix seconds, `dwell` (seconds) and `price` are NaN for none. */
export type KeepEvent = (
  customer: string,
  item: number,
  action: number,
  time: number,
  dwell: number,
  price: number,
  topic: number,
) => void;

/** Where the first unreadable time stood. */
interface BadTime {
  readonly line: number;
  readonly text: string;
}

/**
 * @param itemNumber the item's number, counted from 1; −1 when it isn't known
 * @param topicOf what keywords are about, counted from 1; 0: nothing that is known
 * @param keep takes each cleaned event. A dwell time or price that can't be read is none: the event is worth keeping without it
 */
export function rowCleaner(
  itemNumber: (id: string) => number,
  topicOf: (keywords: string) => number,
  keep: KeepEvent,
): RowCleaner {
  const dropped = Object.fromEntries(dropReasons.map((reason) => [reason, 0])) as Record<DropReason, number>;
  let rows = 0;
  let kept = 0;
  let itemsCleared = 0;
  let [withDwell, withPrice, withKeywords] = [0, 0, 0];
  let readableTimes = 0;
  let fields: FoundFields | undefined;
  let firstBadTime: BadTime | undefined;

  const itemOf = (text: string, needed: boolean): number => {
    const number = text === "" ? -1 : itemNumber(text);
    if (number > 0 || needed) return number;
    if (text !== "") itemsCleared++;
    return 0;
  };

  return {
    start: (found) => {
      fields = found;
    },
    malformed: () => {
      rows++;
      dropped.malformedRow++;
    },
    row: (customerField, itemField, actionField, timeField, dwellField, priceField, keywords, line) => {
      rows++;
      const customer = (customerField ?? "").trim();
      const item = (itemField ?? "").trim();
      if (!(customer.isWellFormed() && item.isWellFormed())) return void dropped.malformedRow++; // no UTF-8 could tell such ids apart
      const hasAction = fields?.action !== undefined;
      if (customer === "" || timeField === undefined || timeField === "") return void dropped.missingField++;
      const time = parseTime(timeField);
      if (Number.isNaN(time)) {
        firstBadTime ??= { line, text: offendingText(String(timeField), customer, item) };
        return void dropped.unparsableTime++;
      }
      readableTimes++;
      const actionText = (actionField ?? "").trim();
      if (hasAction && actionText === "") return void dropped.missingField++;
      const action = hasAction ? actionNumber(actionText) : 0;
      if (action < 0) return void dropped.unknownAction++;
      const needed = needsItem[action] === true;
      if (needed && item === "") return void dropped.missingField++;
      const number = itemOf(item, needed);
      if (number < 0) return void dropped.outsideCatalogue++;
      kept++;
      const dwell = parseAmount(dwellField);
      const price = parseAmount(priceField);
      if (!Number.isNaN(dwell)) withDwell++;
      if (!Number.isNaN(price)) withPrice++;
      const about = number === 0 ? (keywords ?? "").trim() : "";
      if (about !== "") withKeywords++;
      keep(customer, number, action, time, dwell, price, about === "" ? 0 : topicOf(about));
    },
    counts: () => ({ rows, kept, dropped: { ...dropped }, itemsCleared, withDwell, withPrice, withKeywords }),
    verdict: (file) => {
      if (rows === 0) return fail("TRB_EVENTS_EMPTY", { file });
      if (firstBadTime !== undefined && readableTimes === 0) {
        return fail("TRB_EVENTS_BAD_TIMESTAMP", {
          file,
          line: firstBadTime.line,
          column: fields?.time ?? "time",
          field: fields?.fieldOfTime ?? 0,
          text: firstBadTime.text,
        });
      }
      if (kept === 0) return fail("TRB_EVENTS_NOTHING_LEFT", { file, rows, reasons: describeDrops(dropped) });
      return undefined;
    },
  };
}

/** A plain decimal number, at least 0, as float32 holds it; NaN for everything else, such as `12,50 €`. */
function parseAmount(field: Field): number {
  if (field === undefined || field === "") return Number.NaN;
  if (typeof field === "string" && !/^\s*(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?\s*$/.test(field)) return Number.NaN;
  const amount = Math.fround(Number(field));
  return amount >= 0 && amount < Number.POSITIVE_INFINITY ? amount + 0 : Number.NaN;
}

const shownCharacters = 80;

/** `3.5.2021 10:00`, `2021/05/03`, `3 May 2021`: dates in forms that aren't read. */
const date =
  /^\d{1,4}([-/.])\d{1,2}\1\d{1,4}([ T]+[\d:., apmz+-]*)?$|^[\d :.,+-]*\b(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\b[\d :.,+-]*$/i;

/**
 * Someone who names the wrong column must not find a customer's id, name or address in an error. A date is shown, for it says what to
 * change; of anything else only the form: `u7-x` as `a9-a`.
 */
export function offendingText(text: string, customer: string, item: string): string {
  const trimmed = text.trim();
  if (trimmed === customer || trimmed === item) return "(not shown: it is an identifier)";
  const shown = trimmed.length > shownCharacters ? `${trimmed.slice(0, shownCharacters - 1)}…` : trimmed;
  if (date.test(shown)) return JSON.stringify(shown);
  return `a text of the form ${JSON.stringify(shown.replace(/\p{L}/gu, "a").replace(/\p{N}/gu, "9"))} (a: any letter, 9: any digit)`;
}
