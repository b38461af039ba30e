/** What is in memory is read as files are, whatever form it has. */
import { describe, expect, test } from "vitest";
import { makeCatalogue } from "./catalogue.ts";
import { historiesOfEvents, historiesOfText } from "./in-memory.ts";

const catalogue = makeCatalogue([{ id: "a" }, { id: "b" }, { id: "c" }]);
const options = { source: "your file", catalogue, leastCustomers: 1 };
const events = [
  { user: "me", item: "b", action: "pv", ts: 1_700_000_060 },
  { user: "me", item: "a", action: "buy", ts: 1_700_000_000 },
  { user: "me", item: "elsewhere", action: "view", ts: 1_700_000_120 },
];
const csv = ["user,item,action,ts", ...events.map((event) => Object.values(event).join(","))].join("\r\n");
const forms = {
  "a list of events": JSON.stringify(events, null, 2),
  "JSON lines": events.map((event) => JSON.stringify(event)).join("\n"),
  CSV: csv,
  "CSV with a byte order mark": `\uFEFF${csv}`,
};

describe.each(Object.entries(forms))("%s", (_, text) => {
  test("gives the events of the catalogue in order of time, and says what was dropped", async () => {
    const { histories, report } = await historiesOfText(text, options);
    expect([histories.customers, [...histories.items], [...histories.actions]]).toEqual([["me"], [1, 2], [3, 0]]);
    expect([report.rows, report.kept, report.dropped.outsideCatalogue]).toEqual([3, 2, 1]);
  });
});

test("events as values are the same", async () => {
  const of = await historiesOfEvents(events, options);
  expect(of).toEqual(await historiesOfText(forms["JSON lines"], options));
});

test.each([
  ["", "TRB_EVENTS_EMPTY"],
  ["[", "TRB_EVENTS_EMPTY"],
  ["user,ts\nme,1700000000", "TRB_EVENTS_UNKNOWN_COLUMN"],
  ["user,item,ts\nme,a,never", "TRB_EVENTS_BAD_TIMESTAMP"],
  ['user,item,ts\nme,"a,1700000000', "TRB_EVENTS_MALFORMED_CSV"],
])("%j is refused with %s", async (text, code) => {
  await expect(historiesOfText(text, options)).rejects.toMatchObject({ code });
});
