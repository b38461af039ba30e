/**
 * Numbers, amounts and times as pages show them, the same everywhere: decimal units (1 kB = 1,000 B), three significant digits, privacy costs rounded
 * up, times in the reader's zone with the zone beside them. Pure: the language is given.
 */
import type { Language } from "./language.ts";

const locales: Readonly<Record<Language, string>> = { en: "en", zh: "zh-CN" };

/** Formatters are made once for each way of writing: making one takes longer than a row of a table. */
const numberFormats = new Map<string, Intl.NumberFormat>();
const timeFormats = new Map<string, Intl.DateTimeFormat>();

function writtenNumber(value: number, language: Language, options: Intl.NumberFormatOptions): string {
  const name = `${language} ${JSON.stringify(options)}`;
  const format = numberFormats.get(name) ?? new Intl.NumberFormat(locales[language], options);
  numberFormats.set(name, format);
  return format.format(value);
}

function writtenTime(date: Date, language: Language, options: Intl.DateTimeFormatOptions): string {
  const name = `${language} ${JSON.stringify(options)}`;
  const format = timeFormats.get(name) ?? new Intl.DateTimeFormat(locales[language], options);
  timeFormats.set(name, format);
  return format.format(date);
}

/** What isn't known, or isn't there. */
const nothing = "–";

/** 1234.5678 → "1,230"; 0.012345 → "0.0123". Whole numbers keep all digits. */
export function formatNumber(value: number, language: Language, digits = 3): string {
  if (!Number.isFinite(value)) return nothing;
  const options: Intl.NumberFormatOptions = Number.isInteger(value)
    ? { maximumFractionDigits: 0 }
    : { maximumSignificantDigits: digits };
  return writtenNumber(value, language, options);
}

/** 0.12345 → "12.3 %". */
export function formatPercent(share: number, language: Language): string {
  if (!Number.isFinite(share)) return nothing;
  return `${writtenNumber(100 * share, language, { maximumFractionDigits: 1 })} %`;
}

const byteUnits = ["B", "kB", "MB", "GB", "TB"] as const;

/** 1536000 → "1.54 MB". */
export function formatBytes(bytes: number, language: Language): string {
  if (!Number.isFinite(bytes)) return nothing;
  let [value, unit] = [bytes, 0];
  // 999.5 would be written 1,000
  while (value >= 999.5 && unit < byteUnits.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${formatNumber(unit === 0 ? value : Number(value.toPrecision(3)), language)} ${byteUnits[unit] ?? ""}`;
}

/** A privacy cost, at most 0.001 above what it is, never below: 1.23456 → "1.235". Below 0.001 it stands with three significant digits. */
export function formatEpsilon(epsilon: number, language: Language): string {
  if (!Number.isFinite(epsilon)) return nothing;
  const step = epsilon === 0 || epsilon >= 0.001 ? 1000 : 10 ** (2 - Math.floor(Math.log10(epsilon)));
  // 12 digits are what documents have: what is beyond comes of binary fractions
  const up = Math.ceil(Number((epsilon * step).toPrecision(12))) / step;
  return writtenNumber(up, language, { maximumSignificantDigits: 12 });
}

/** Seconds → "3.2 s", "4 min 10 s", "2 h 5 min", "3 d 4 h". */
export function formatDuration(seconds: number, language: Language): string {
  if (!Number.isFinite(seconds)) return nothing;
  const units = language === "zh" ? (["天", "小时", "分", "秒"] as const) : (["d", "h", "min", "s"] as const);
  const [d, h, min, s] = units;
  if (seconds < 10) return `${formatNumber(Number(Math.max(0, seconds).toFixed(1)), language, 2)} ${s}`;
  const whole = Math.round(seconds);
  const [days, hours, minutes] = [Math.floor(whole / 86_400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60];
  if (days > 0) return `${days} ${d} ${hours} ${h}`;
  if (hours > 0) return `${hours} ${h} ${minutes} ${min}`;
  return minutes > 0 ? `${minutes} ${min} ${whole % 60} ${s}` : `${whole} ${s}`;
}

/** An instant in the reader's own zone, which stands beside it: "Nov 30, 2026, 21:05:12 GMT+1". @param zone default: the reader's */
export function formatTime(time: string | number, language: Language, zone?: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return nothing;
  return writtenTime(date, language, {
    ...{ year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" },
    ...{ hourCycle: "h23", timeZoneName: "short" },
    ...(zone === undefined ? {} : { timeZone: zone }),
  });
}

/** The day alone, of an instant. */
export function formatDay(time: string | number, language: Language, zone?: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return nothing;
  return writtenTime(date, language, {
    ...{ year: "numeric", month: "short", day: "numeric" },
    ...(zone === undefined ? {} : { timeZone: zone }),
  });
}

/** A hash or key by its first eight hex digits; the whole of it belongs into the `title`. */
export const formatHash = (hash: string): string => (hash.length > 12 ? `${hash.slice(0, 8)}…` : hash);

/** So many characters of a stranger's name are shown. */
const mostName = 64;

/**
 * A stranger's name made harmless to what stands beside it: control characters, and those that turn the direction of writing, become "�" (Unicode
 * categories Cc and Cf), and what is long is cut. Markup needs no care, as nothing here is ever read as HTML.
 */
export function shownName(name: string): string {
  const plain = [...name.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\u{fffd}")];
  return plain.length > mostName ? `${plain.slice(0, mostName - 1).join("")}…` : plain.join("");
}
