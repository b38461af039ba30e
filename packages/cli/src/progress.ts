/**
 * How far a command is, at what rate, and how long it will take, on stderr. On a terminal that is a bar, or, where nobody knows how much is to be done, how long
 * it has taken. Where stderr is piped it is a line now and then. Nothing is shown of what is over within two seconds, and nothing stays on the terminal.
 */
import cliProgress from "cli-progress";
import stringWidth from "string-width";
import { usualWidth } from "./terminal.ts";

export interface ProgressBar {
  /** @param unit what is counted: octets are shown as kB, MB and GB */
  show(what: string, done: number, of: number, unit?: "octets"): void;
  end(): void;
}

/** Seconds until anything is shown, and between lines where stderr is piped. */
const patience = 2;
const between = 5;
/** Lines that only say that something still works may be rarer. */
const betweenRemarks = 30;

/** One stretch of work. Times are in seconds. */
export interface Stretch {
  readonly what: string;
  readonly done: number;
  readonly of: number;
  readonly unit?: "octets" | undefined;
  /** What was done before the clock started. */
  readonly doneBefore: number;
  readonly elapsed: number;
}

/** What is on the screen now; one at a time, since stderr is one. */
let shown: { clear(): void } | undefined;

/** Takes the bar away: whatever is printed next begins a line of its own. */
export function clearProgress(): void {
  shown?.clear();
  shown = undefined;
}

export function progressBar(stream: NodeJS.WriteStream = process.stderr, now = () => performance.now() / 1e3): ProgressBar {
  return stream.isTTY === true ? barOn(stream, now) : linesOn(stream, now);
}

function barOn(stream: NodeJS.WriteStream, now: () => number): ProgressBar {
  const begun = now();
  let bar: cliProgress.SingleBar | undefined;
  let stretch = beginning("", 0, 0);
  const clear = () => {
    bar?.stop();
    bar = undefined;
  };
  return {
    show(what, done, of, unit) {
      if (what !== stretch.what) stretch = beginning(what, done, now());
      if (now() - begun < patience) return;
      const line = () => barLine({ ...stretch, done, of, unit, elapsed: now() - stretch.begun }, stream.columns || usualWidth);
      if (bar === undefined) {
        clearProgress();
        bar = new cliProgress.SingleBar({
          format: (_options, _params, payload: { readonly line?: () => string }) => payload.line?.() ?? "",
          ...{ stream, hideCursor: true, clearOnComplete: true, gracefulExit: false, linewrap: true },
        });
        shown = { clear };
        bar.start(of, done, { line });
      }
      bar.update(done, { line });
    },
    end: clear,
  };
}

function linesOn(stream: NodeJS.WriteStream, now: () => number): ProgressBar {
  let stretch = beginning("", 0, 0);
  let saidAt = Number.NEGATIVE_INFINITY;
  return {
    show(what, done, of, unit) {
      if (what !== stretch.what) {
        stretch = beginning(what, done, now());
        saidAt = now() + patience - between;
        shown?.clear(); // whoever counts needs no remark that something still works
      }
      if (now() - saidAt < between) return;
      saidAt = now();
      stream.write(`${told({ ...stretch, done, of, unit, elapsed: now() - stretch.begun })}\n`);
    },
    end() {},
  };
}

const beginning = (what: string, doneBefore: number, begun: number) => ({ what, doneBefore, begun });

/** `rounds 12/40, 3.1/s, 9 s left` */
export function told(stretch: Stretch): string {
  const { what, done, of, unit, doneBefore, elapsed } = stretch;
  const amount = unit === "octets" ? `${octets(done)} of ${octets(of)}` : `${done}/${of}`;
  const rate = elapsed > 0 ? (done - doneBefore) / elapsed : 0;
  if (rate <= 0) return `${what} ${amount}`;
  const left = done < of ? `, ${duration((of - done) / rate)} left` : "";
  return `${what} ${amount}, ${rateOf(rate, unit)}${left}`;
}

/** The same with a bar before it, as far as there is room for one. */
export function barLine(stretch: Stretch, columns: number): string {
  const words = told(stretch);
  const room = Math.min(30, columns - stringWidth(words) - 2);
  if (room < 5) return cut(words, columns - 1);
  const share = stretch.of > 0 ? Math.min(1, Math.max(0, stretch.done / stretch.of)) : 0;
  const full = Math.floor(share * room);
  return `${"█".repeat(full)}${"░".repeat(room - full)} ${words}`;
}

/** Things for each second; of slow ones, seconds for each. */
function rateOf(rate: number, unit: Stretch["unit"]): string {
  if (unit === "octets") return `${octets(rate)}/s`;
  if (rate >= 10) return `${Math.round(rate)}/s`;
  return rate >= 1 ? `${rate.toFixed(1)}/s` : `${duration(1 / rate)} each`;
}

/** `850 ms`, `9 s`, `2 min 05 s`, `3 h 20 min` */
export function duration(seconds: number): string {
  if (seconds < 1) return `${Math.max(1, Math.round(seconds * 1e3))} ms`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")} min`;
}

/** Decimal units, of three digits. */
export function octets(count: number): string {
  const power = Math.min(4, Math.max(0, Math.floor(Math.log10(Math.max(1, count)) / 3)));
  const value = count / 1e3 ** power;
  return `${power === 0 ? Math.round(value) : value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ${["B", "kB", "MB", "GB", "TB"][power]}`;
}

/**
 * Says of work that can't be counted that it goes on, until it is over or something else is shown.
 * @returns what ends it
 */
export function stillWorking(what: string, stream: NodeJS.WriteStream = process.stderr): () => void {
  const begun = performance.now();
  const seconds = () => (performance.now() - begun) / 1e3;
  let [turn, saidAt] = [0, 0];
  const clear = () => {
    clearInterval(timer);
    if (turn > 0 && stream.isTTY === true) stream.write("\r\u001b[K");
    turn = 0;
  };
  const timer = setInterval(
    () => {
      if (seconds() < patience) return;
      if (stream.isTTY === true) {
        const mark = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"[turn++ % 10];
        stream.write(`\r${cut(`${mark} ${what}, ${duration(seconds())}`, (stream.columns || usualWidth) - 1)}\u001b[K`);
      } else if (seconds() - saidAt >= betweenRemarks) {
        saidAt = seconds();
        stream.write(`${what}: ${duration(saidAt)} so far\n`);
      }
    },
    stream.isTTY === true ? 100 : 1e3,
  ).unref();
  shown = { clear };
  return clear;
}

/** A file that is read bit by bit, and how far that is. */
export async function* withProgress(what: string, chunks: AsyncIterable<Uint8Array>, size: number): AsyncIterable<Uint8Array> {
  const progress = progressBar();
  let read = 0;
  try {
    for await (const chunk of chunks) {
      yield chunk;
      read += chunk.length;
      progress.show(what, Math.min(read, size), size, "octets");
    }
  } finally {
    progress.end();
  }
}

/** As many columns of a text as there are. */
function cut(text: string, columns: number): string {
  if (stringWidth(text) <= columns) return text;
  let kept = "";
  for (const character of text) {
    if (stringWidth(kept + character) > columns - 1) break;
    kept += character;
  }
  return `${kept}…`;
}
