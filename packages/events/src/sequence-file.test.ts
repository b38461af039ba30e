import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { logFiles, refusal } from "./log-files.fixture.ts";
import { readSequenceFile } from "./sequence-file.ts";

const file = logFiles();
const repository = join(dirname(fileURLToPath(import.meta.url)), "../../..");
const beauty = join(process.env["TRIBUTARY_SHARED"] ?? join(repository, "../shared"), "data/beauty/Beauty.txt");

describe("a benchmark's sequences", () => {
  it("are read in order, whether a line holds a whole history or one event", async () => {
    const whole = await readSequenceFile(file("whole.txt", "2 5 3 5\n10 1\n"));
    const single = await readSequenceFile(file("single.txt", "\uFEFF2 5\r\n10\t1\r\n\r\n2 3\r\n2 5\r\n"));
    expect(whole).toEqual(single);
    expect(whole.items).toBe(5);
    const { customers, offsets, items, actions, times } = whole.histories;
    expect(customers).toEqual(["10", "2"]); // by code unit, as everywhere
    expect([...offsets]).toEqual([0, 1, 4]);
    expect([...items]).toEqual([1, 5, 3, 5]);
    expect([...actions]).toEqual([0, 0, 0, 0]);
    expect([...times]).toEqual([0, 0, 86_400, 172_800]);
  });

  it.each([
    ["a word instead of an item", "1 2\n3 4 abc\n", 2, "field 3"],
    ["a user who is no number", "ann 2\n", 1, "field 1"],
    ["a fraction", "1 2.5\n", 1, "field 2"],
    ["item 0, which is padding", "1 0\n", 1, "field 2"],
    ["a leading zero", "1 07\n", 1, "field 2"],
    ["a user without items", "1 2\n\n5\n", 3, "no item"],
    ["an item number that no table holds", "1 1048577\n", 1, "above"],
    ["a header", "user,item\n1,2\n", 1, "field 1"],
  ])("refuses %s and names the line, not the value", async (_name, content, line, words) => {
    const path = file("bad.txt", content);
    const error = await refusal(() => readSequenceFile(path));
    expect(error.code).toBe("TRB_EVENTS_SEQUENCE_INVALID");
    expect(error.details).toMatchObject({ file: path, line, reason: expect.stringContaining(words) });
    for (const secret of ["abc", "ann"]) expect(error.message).not.toContain(secret);
  });

  it("refuses a file without events, and one that is not there", async () => {
    expect((await refusal(() => readSequenceFile(file("empty.txt", "\n \n")))).code).toBe("TRB_EVENTS_EMPTY");
    expect((await refusal(() => readSequenceFile("/nowhere/Beauty.txt"))).code).toBe("TRB_EVENTS_FILE_NOT_FOUND");
  });

  it.skipIf(!existsSync(beauty))("reads Beauty with the published counts (skipped when there is no shared data)", async () => {
    const { histories, items } = await readSequenceFile(beauty);
    expect([histories.customers.length, histories.items.length, items]).toEqual([22_363, 198_502, 12_101]);
    expect(new Set(histories.items).size).toBe(12_101);
  });
});
