/** Numbers, amounts and times as people read them: units, rounding and zones are the same everywhere. */
import { expect, test } from "vitest";
import {
  formatBytes,
  formatDuration,
  formatEpsilon,
  formatHash,
  formatNumber,
  formatPercent,
  formatTime,
  shownName,
} from "./format.ts";

test.each([
  [0, "0"],
  [7, "7"],
  [1234567, "1,234,567"],
  [1234.5678, "1,230"],
  [0.0123456, "0.0123"],
  [Number.NaN, "–"],
  [Number.POSITIVE_INFINITY, "–"],
])("the number %d", (value, text) => {
  expect(formatNumber(value, "en")).toBe(text);
});

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1 kB"],
  [1536, "1.54 kB"],
  [999_499, "999 kB"],
  [999_500, "1 MB"],
  [43_100_000, "43.1 MB"],
  [5e12, "5 TB"],
  [5e16, "50,000 TB"],
])("%d octets", (value, text) => {
  expect(formatBytes(value, "en")).toBe(text);
});

test("a privacy cost is rounded up, by a thousandth at most, and what needs no rounding stays", () => {
  expect(formatEpsilon(1.23401, "en")).toBe("1.235");
  expect(formatEpsilon(8, "en")).toBe("8");
  expect(formatEpsilon(0, "en")).toBe("0");
  expect(formatEpsilon(2.889, "en")).toBe("2.889");
  // 0.1 + 0.2 is a binary fraction above 0.3, and no cost above it
  expect(formatEpsilon(0.1 + 0.2, "en")).toBe("0.3");
  expect(formatEpsilon(0.000012341, "en")).toBe("0.0000124");
  expect(formatEpsilon(Number.POSITIVE_INFINITY, "en")).toBe("–");
  for (let step = 0; step < 2000; step++) {
    const epsilon = step * 0.00317;
    const told = Number(formatEpsilon(epsilon, "en").replaceAll(",", ""));
    expect(told).toBeGreaterThanOrEqual(epsilon * (1 - 1e-11));
    expect(told - epsilon).toBeLessThan(0.001 + 1e-9);
  }
});

test.each([
  [0.04, "0 s", "0 秒"],
  [3.21, "3.2 s", "3.2 秒"],
  [59.6, "1 min 0 s", "1 分 0 秒"],
  [250, "4 min 10 s", "4 分 10 秒"],
  [7500, "2 h 5 min", "2 小时 5 分"],
  [273_600, "3 d 4 h", "3 天 4 小时"],
  [-5, "0 s", "0 秒"],
])("%d seconds", (seconds, en, zh) => {
  expect([formatDuration(seconds, "en"), formatDuration(seconds, "zh")]).toEqual([en, zh]);
});

test("times are in a zone, which stands beside them", () => {
  const time = "2026-11-30T21:05:12.000Z";
  expect(formatTime(time, "en", "Europe/Berlin")).toBe("Nov 30, 2026, 22:05:12 GMT+1");
  expect(formatTime(time, "zh", "Asia/Shanghai")).toBe("2026年12月1日 GMT+8 05:05:12");
  expect(formatTime("no time", "en")).toBe("–");
});

test("shares and hashes", () => {
  expect(formatPercent(0.12345, "en")).toBe("12.3 %");
  expect(formatPercent(1, "zh")).toBe("100 %");
  expect(formatHash("ab".repeat(32))).toBe("abababab…");
});

test("a stranger's name turns nothing around, has no control characters, and is not endless", () => {
  expect(shownName("\u202egnp.exe")).toBe("\ufffdgnp.exe");
  expect(shownName("a\u0000b\nc\u2028d\u200be")).toBe("a\ufffdb\ufffdc\ufffdd\ufffde");
  expect([...shownName("書".repeat(200))]).toHaveLength(64);
  expect(shownName("<script>")).toBe("<script>");
});
