import { describe, expect, it } from "vitest";
import { makeCatalogue } from "../catalogue.ts";
import { logFiles, refusal } from "../log-files.fixture.ts";
import { type PreviewOptions, previewLog } from "./preview.ts";

const file = logFiles();
const preview = (source: string, options: Partial<PreviewOptions> = {}) => previewLog({ source, now: 1.7e9, ...options });

describe("previewLog", () => {
  it("counts lines that can't be taken apart, in a CSV as in JSON lines", async () => {
    const csv = file("broken.csv", "user,item,ts\nann,apple,1\nann,apple\nbob,apple,2,3,4\nbob,bread,2\n");
    const json = file(
      "broken.jsonl",
      '{"user":"ann","item":"apple","ts":1}\nnonsense\n[1]\n{"user":"bob","item":"bread","ts":2}\n',
    );
    for (const path of [csv, json]) {
      const { sampled, kept, dropped } = await preview(path);
      expect([sampled, kept, dropped]).toEqual([4, 2, { malformedRow: 2 }]);
    }
  });

  it("finds the delimiter, columns by what they hold, the times' format, and what actions mean", async () => {
    const rows = Array.from(
      { length: 40 },
      (_, i) => `KundIn-${i};${(i % 28) + 1}.05.2021 10:0${i % 10};x;Add to cart;${100 + i};1,5`,
    );
    const path = file(
      "shop.csv",
      `Kundennummer;Wann;Notiz;Was;Artikel-SKU;Preis\n${rows.join("\n")}\nA;31.05.2021 09:00;;refund;7;\n`,
    );
    const found = await preview(path);
    expect(found).toMatchObject({
      format: "csv",
      delimiter: ";",
      preset: null,
      columns: { time: "Wann", action: "Was", item: "Artikel-SKU" },
      guessed: ["time", "action", "item"],
      missing: ["customer"],
      timeFormats: ["%d.%m.%Y %H:%M"],
      ambiguousFormats: [],
    });
    const named = await preview(path, { columns: { customer: "Kundennummer" } });
    expect([named.sampled, named.kept, named.dropped]).toEqual([41, 40, { unknownAction: 1 }]);
    expect(named.rows[0]).toEqual({
      customer: "KundIn-0",
      item: "100",
      action: "cart",
      time: "2021-05-01T10:00:00.000Z",
      dwell: null,
      price: null,
      dropped: null,
    });
    expect(named.actions).toEqual([
      { text: "Add to cart", action: "cart", rows: 40 },
      { text: "refund", action: null, rows: 1 },
    ]);
    expect(named.flags).toEqual([
      "--columns customer=Kundennummer,time=Wann,action=Was,item=Artikel-SKU",
      "--delimiter ';'",
      "--time-format '%d.%m.%Y %H:%M'",
    ]);
  });

  it("says when days and months can't be told apart, and finds three formats in one column", async () => {
    const unclear = await preview(file("unclear.csv", "user,item,ts\na,x,03/04/2021\nb,y,05/06/2021\n"));
    expect([...unclear.timeFormats, ...unclear.ambiguousFormats]).toEqual(expect.arrayContaining(["%d/%m/%Y", "%m/%d/%Y"]));
    const three = await preview(
      file("three.csv", "user,item,ts\na,x,31/12/2021\na,x,31.12.2021 10:00\na,x,2021-12-31\nb,y,20211230\n"),
    );
    expect(three.dropped).toEqual({});
    expect(three.timeFormats).toEqual(expect.arrayContaining(["%d/%m/%Y", "%d.%m.%Y %H:%M"]));
  });

  it("takes eight digits for a day, not for seconds of 1970", async () => {
    const found = await preview(file("days.csv", "user,item,ts\na,x,20211231\nb,y,20210102\n"));
    expect([found.timeFormats, found.rows[0]?.time]).toEqual([["%Y%m%d"], "2021-12-31T00:00:00.000Z"]);
  });

  it.each([
    ["retailrocket", "e.csv", "timestamp,visitorid,event,itemid,transactionid\n1433221332117,257597,view,355908,\n"],
    ["taobao", "u.csv", "1,2268318,2520377,pv,1511544070\n1,2333346,2520771,pv,1511561733\n"],
    [
      "uci-online-retail",
      "o.csv",
      "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n536365,85123A,W,6,12/1/2010 8:26,2.55,17850,UK\n",
    ],
    ["amazon-reviews", "a.jsonl", '{"reviewerID":"A","asin":"B","overall":5,"unixReviewTime":1369699200}\n'],
    ["sasrec-text", "s.txt", "1 10 11 12\n2 13 14\n"],
  ])("knows the shape of %s", async (preset, name, content) => {
    const found = await preview(file(name, content));
    expect([found.preset, found.missing, found.dropped, found.flags]).toEqual([preset, [], {}, [`--preset ${preset}`]]);
    expect(found.kept).toBeGreaterThan(0);
  });

  it("judges by a catalogue when there is one, and refuses a file whose names are values", async () => {
    const path = file("known.csv", "user,item,ts\na,x,1\nb,y,2\n");
    expect((await preview(path, { catalogue: makeCatalogue([{ id: "x" }]) })).dropped).toEqual({ outsideCatalogue: 1 });
    const error = await refusal(() => preview(file("headless.csv", "secret,apple,view,1600000000\n")));
    expect(error.code).toBe("TRB_EVENTS_NO_HEADER");
    expect(JSON.stringify(error)).not.toContain("secret");
  });
});
