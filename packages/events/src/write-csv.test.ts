import { existsSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { importLog } from "./import-log.ts";
import { logFiles, refusal } from "./log-files.fixture.ts";
import { anyHistories, awkwardCatalogue } from "./random-histories.fixture.ts";
import { writeCsv } from "./write-csv.ts";

const file = logFiles();

describe("writeCsv", () => {
  it("writes what importLog reads back to the same histories", async () => {
    const path = file("round.csv", "");
    await fc.assert(
      fc.asyncProperty(anyHistories, async (histories) => {
        await writeCsv(path, histories, awkwardCatalogue);
        const read = await importLog({ path, catalogue: awkwardCatalogue, leastCustomers: 1 });
        expect(read.histories).toEqual(histories);
        expect(read.report.kept).toBe(read.report.rows);
      }),
    );
  });

  it("writes an ordinary log, more than one block of it", async () => {
    const path = file("plain.csv", "");
    const events = 5000;
    const histories = {
      customers: ["ann", "bob"],
      offsets: Uint32Array.of(0, events - 1, events),
      items: new Int32Array(events).fill(1),
      actions: new Uint8Array(events),
      times: Float64Array.from({ length: events }, (_, i) => 1e9 + i),
    };
    await writeCsv(path, histories, awkwardCatalogue);
    const lines = readFileSync(path, "utf8").split("\n");
    expect(lines.slice(0, 2)).toEqual(["customer,item,action,time", "ann,plain,view,1000000000"]);
    expect(lines).toHaveLength(events + 2);
  });

  it("refuses a folder that isn't there, and items of another catalogue, touching no file", async () => {
    const path = file("half.csv", "kept");
    const histories = {
      customers: ["a"],
      offsets: Uint32Array.of(0, 1),
      items: Int32Array.of(99),
      actions: Uint8Array.of(0),
      times: Float64Array.of(1),
    };
    expect(
      (await refusal(() => writeCsv(`${path}/x/y.csv`, { ...histories, items: Int32Array.of(1) }, awkwardCatalogue))).code,
    ).toBe("TRB_EVENTS_FILE_UNWRITABLE");
    expect((await refusal(() => writeCsv(path, histories, awkwardCatalogue))).code).toBe("TRB_EVENTS_ITEM_NOT_IN_CATALOGUE");
    expect(readFileSync(path, "utf8")).toBe("kept");
  });

  it.skipIf(!existsSync("/dev/full"))("says so when the disk is full (skipped: no /dev/full here)", async () => {
    const histories = {
      customers: ["a"],
      offsets: Uint32Array.of(0, 1),
      items: Int32Array.of(1),
      actions: Uint8Array.of(0),
      times: Float64Array.of(1),
    };
    const link = file("full.csv", "");
    rmSync(link);
    symlinkSync("/dev/full", link);
    const error = await refusal(() => writeCsv(link, histories, awkwardCatalogue));
    expect([error.code, error.details["reason"]]).toEqual(["TRB_EVENTS_FILE_UNWRITABLE", "ENOSPC"]);
    expect(existsSync(link)).toBe(false); // the link was ours to remove; the device stays
    expect(existsSync("/dev/full")).toBe(true);
  });
});
