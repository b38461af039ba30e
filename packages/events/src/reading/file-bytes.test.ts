import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { logFiles, refusal } from "../log-files.fixture.ts";
import { forEachLine, guardLines, lineSplitter } from "./file-bytes.ts";

const file = logFiles();

/** Cuts bytes at the given places. */
function chunksOf(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, i) => bytes.subarray(places[i], end));
}

async function* streamed(chunks: readonly Buffer[]) {
  yield* chunks;
}

describe("lines of a file", () => {
  it("are the same however the bytes come in chunks, even cut inside a character", () => {
    const line = fc.string({ unit: fc.constantFrom("a", "é", "𝄞", " ", ",") });
    fc.assert(
      fc.property(
        fc.array(line),
        fc.array(fc.nat()),
        fc.boolean(),
        fc.constantFrom("\n", "\r\n"),
        (lines, cuts, ended, end) => {
          const bytes = Buffer.from(lines.join(end) + (ended ? end : ""));
          const seen: string[] = [];
          const splitter = lineSplitter((text, number) => seen.push(`${number} ${text}`));
          for (const chunk of chunksOf(bytes, cuts)) splitter.push(chunk);
          splitter.end();
          expect(seen).toEqual(lines.flatMap((text, i) => (text.trim() === "" ? [] : [`${i + 1} ${text}`])));
        },
      ),
    );
  });

  it("may be as long as the limit and not a byte longer, whatever the chunks; the error names the line", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 12 })), fc.array(fc.nat()), async (lengths, cuts) => {
        const bytes = Buffer.from(lengths.map((length) => "x".repeat(length)).join("\n"));
        const tooLong = lengths.findIndex((length) => length > 8);
        const drain = async () => {
          const passed: Buffer[] = [];
          for await (const chunk of guardLines("log", streamed(chunksOf(bytes, cuts)), 8)) passed.push(chunk);
          return Buffer.concat(passed);
        };
        if (tooLong < 0) expect(await drain()).toEqual(bytes);
        else {
          const error = await refusal(drain);
          expect([error.code, error.details["line"]]).toEqual(["TRB_EVENTS_LINE_TOO_LONG", tooLong + 1]);
        }
      }),
    );
  });

  it("begin after a byte order mark", async () => {
    const seen: string[] = [];
    await forEachLine(file("bom.txt", "\uFEFFfirst\nsecond"), 100, (text) => seen.push(text));
    expect(seen).toEqual(["first", "second"]);
  });

  it("can't be read from a missing file or a folder", async () => {
    const folder = file("x", "").replace(/x$/, "");
    expect((await refusal(() => forEachLine(`${folder}none`, 100, () => {}))).code).toBe("TRB_EVENTS_FILE_NOT_FOUND");
    expect((await refusal(() => forEachLine(folder, 100, () => {}))).code).toBe("TRB_EVENTS_FILE_UNREADABLE");
  });
});
