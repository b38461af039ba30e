/**
 * The text forms in which sequence recommenders' data sets are published: a line is `user item item …` in order, or one `user item` a line,
 * in order. Both read alike: a line's items are appended to its user's history.
 *
 * They have no times, so events get made-up ones, a day apart from the customer's first event at 0: in order, and never one session.
 */
import { forEachLine } from "./file-bytes.ts";
import type { RowSink } from "./rows.ts";

export const secondsBetweenUntimedEvents = 86_400;

/** @throws TRB_EVENTS_FILE_NOT_FOUND, TRB_EVENTS_FILE_UNREADABLE, TRB_EVENTS_LINE_TOO_LONG */
export async function readSasrecText(path: string, lineLimit: number, sink: RowSink): Promise<void> {
  const eventsSoFar = new Map<string, number>();
  const absent = { action: undefined, dwell: undefined, price: undefined, keywords: undefined };
  sink.start({ customer: "user", item: "item", time: "order", ...absent, fieldOfTime: 0 });
  await forEachLine(path, lineLimit, (text, line) => {
    const [user, ...items] = text.trim().split(/\s+/);
    if (user === undefined || items.length === 0) return sink.malformed(line);
    let events = eventsSoFar.get(user) ?? 0;
    for (const item of items) {
      sink.row(user, item, undefined, events++ * secondsBetweenUntimedEvents, undefined, undefined, undefined, line);
    }
    eventsSoFar.set(user, events);
  });
}
