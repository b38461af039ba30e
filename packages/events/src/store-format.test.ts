import { crc32 } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Histories } from "./histories.ts";
import { refusal } from "./log-files.fixture.ts";
import { anyHistories } from "./random-histories.fixture.ts";
import { decodeHistories, encodeHistories } from "./store-format.ts";

const small: Histories = {
  customers: ["ann", "bob"],
  offsets: Uint32Array.of(0, 2, 3),
  items: Int32Array.of(1, 2, 1),
  actions: Uint8Array.of(0, 1, 0),
  times: Float64Array.of(1, 2, 1),
};

const decodeRefusal = async (bytes: Uint8Array) => (await refusal(() => decodeHistories(bytes))).code;

/** With a checksum that fits, as whoever wrote the bytes wrongly would have computed it. */
function resealed(bytes: Uint8Array): Uint8Array {
  new DataView(bytes.buffer).setUint32(bytes.length - 4, crc32(bytes.subarray(0, -4)), true);
  return bytes;
}

describe("histories as bytes", () => {
  it("come back equal, from any place in a larger buffer, and encode to the same bytes again", () => {
    fc.assert(
      fc.property(anyHistories, fc.integer({ min: 0, max: 9 }), (histories, shift) => {
        const bytes = encodeHistories(histories);
        const shifted = new Uint8Array(bytes.length + shift);
        shifted.set(bytes, shift);
        const decoded = decodeHistories(shifted.subarray(shift));
        expect(decoded).toEqual(histories);
        expect(encodeHistories(decoded)).toEqual(bytes);
      }),
    );
  });

  it("come back equal out of a Buffer too, which may stand anywhere in a pool, and share no memory with it", () => {
    const bytes = encodeHistories(small);
    for (let shift = 0; shift < 8; shift++) {
      const pool = Buffer.alloc(bytes.length + 8);
      const stored = pool.subarray(shift, shift + bytes.length);
      stored.set(bytes);
      const decoded = decodeHistories(stored);
      pool.fill(0xff);
      expect(decoded).toEqual(small);
      expect(decoded.actions.constructor).toBe(Uint8Array);
    }
  });

  it("may hold nobody", () => {
    const nobody: Histories = {
      ...small,
      customers: [],
      offsets: new Uint32Array(1),
      items: new Int32Array(),
      actions: new Uint8Array(),
      times: new Float64Array(),
    };
    expect(decodeHistories(encodeHistories(nobody))).toEqual(nobody);
  });

  it("do not share memory with what they were decoded from, so that the plain bytes can be wiped", () => {
    const bytes = encodeHistories(small);
    const decoded = decodeHistories(bytes);
    bytes.fill(0xff);
    expect(decoded).toEqual(small);
  });

  it("are refused when any single byte is changed, or when cut or lengthened", async () => {
    const bytes = encodeHistories(small);
    for (let place = 0; place < bytes.length; place++) {
      const changed = bytes.slice();
      changed[place] = (changed[place] ?? 0) ^ 0x40;
      expect(await decodeRefusal(changed)).toMatch(/^TRB_EVENTS_STORE_(CORRUPT|VERSION)$/);
    }
    for (let length = 0; length < bytes.length; length++) {
      expect(await decodeRefusal(bytes.subarray(0, length))).toBe("TRB_EVENTS_STORE_CORRUPT");
    }
    expect(await decodeRefusal(Buffer.concat([bytes, Buffer.alloc(1)]))).toBe("TRB_EVENTS_STORE_CORRUPT");
  });

  it("are refused when they have another version, saying which", async () => {
    const bytes = encodeHistories(small);
    for (const version of [0, 4]) {
      bytes[8] = version;
      const error = await refusal(() => decodeHistories(resealed(bytes)));
      expect([error.code, error.details["version"]]).toEqual(["TRB_EVENTS_STORE_VERSION", version]);
    }
  });

  it("are read as version 1 wrote them, without dwell times and prices", () => {
    const written =
      "VFJCRVZOVFMBAAAAAgAAAAMAAAAGAAAAAAAAAAAA8D8AAAAAAAAAQAAAAAAAAPA/AAAAAAIAAAADAAAAAQAAAAIAAAABAAAAAwAAAAYAAAAAAQBhbm5ib2JyUp/R";
    expect(decodeHistories(Buffer.from(written, "base64"))).toEqual(small);
  });

  it("are read as version 2 wrote them, which knows no topics", async () => {
    const amounts = { dwells: Float32Array.of(1, Number.NaN, 2), prices: Float32Array.of(3, 4, Number.NaN) };
    for (const histories of [small, { ...small, ...amounts }]) {
      const bytes = encodeHistories(histories);
      bytes[8] = 2; // nothing else is different
      expect(decodeHistories(resealed(bytes))).toEqual(histories);
    }
    const searched = { ...small, items: Int32Array.of(1, 0, 1), topics: Int32Array.of(0, 3, 0) };
    expect(decodeHistories(encodeHistories(searched))).toEqual(searched);
    const bytes = encodeHistories(searched);
    bytes[8] = 2;
    expect(await decodeRefusal(resealed(bytes))).toBe("TRB_EVENTS_STORE_CORRUPT");
  });

  it("are equal bytes for every way in which a machine may write NaN", () => {
    const other = new Float32Array(Int32Array.of(0x7fc00001, -1, 0x3f800000).buffer);
    const usual = Float32Array.of(Number.NaN, Number.NaN, 1);
    expect(encodeHistories({ ...small, dwells: other })).toEqual(encodeHistories({ ...small, dwells: usual }));
  });

  it("are refused when it isn't known what their events have", async () => {
    const bytes = encodeHistories({ ...small, dwells: new Float32Array(3), prices: new Float32Array(3) });
    bytes[24] = 11;
    expect(await decodeRefusal(resealed(bytes))).toBe("TRB_EVENTS_STORE_CORRUPT");
  });

  it.each([
    ["customers out of order", { ...small, customers: ["bob", "ann"] }],
    ["a customer twice", { ...small, customers: ["ann", "ann"] }],
    ["an empty id", { ...small, customers: ["", "ann"] }],
    ["events out of order", { ...small, times: Float64Array.of(2, 1, 1) }],
    ["a time that is no number", { ...small, times: Float64Array.of(1, 2, Number.NaN) }],
    ["offsets that fall", { ...small, offsets: Uint32Array.of(0, 4, 3) }],
    [
      "a customer of less than no events",
      { ...small, customers: ["ann", "bob", "eve"], times: Float64Array.of(1, 2, 3), offsets: Uint32Array.of(0, 2, 1, 3) },
    ],
    ["offsets that start late", { ...small, offsets: Uint32Array.of(1, 2, 3) }],
    ["offsets that end early", { ...small, offsets: Uint32Array.of(0, 2, 2) }],
    ["a negative item", { ...small, items: Int32Array.of(1, -2, 1) }],
    ["a negative dwell time", { ...small, dwells: Float32Array.of(1, -1, Number.NaN) }],
    ["a price without end", { ...small, prices: Float32Array.of(1, Number.POSITIVE_INFINITY, 2) }],
    ["a negative topic", { ...small, items: new Int32Array(3), topics: Int32Array.of(0, -1, 0) }],
    ["a topic of an event with an item", { ...small, topics: Int32Array.of(0, 1, 0) }],
    ["an unknown action", { ...small, actions: Uint8Array.of(0, 10, 0) }],
  ] satisfies [string, Histories][])("are refused with %s, even under a fitting checksum", async (_what, histories) => {
    expect(await decodeRefusal(encodeHistories(histories))).toBe("TRB_EVENTS_STORE_CORRUPT");
  });
});
