/**
 * What replicas tell each other: frames, heard by every other replica in the order in which one said them. The wire beneath may bring them out of
 * order (large ones take a way round) or lose some (while a connection to the database is made anew); frames are numbered, so that nobody
 * misses one without learning that.
 *
 *   emit ─▶ { from, life, place, kind, body } ─▶ wire ─▶ in order ─▶ handlers          a place that stays empty ─▶ missed(from)
 */
import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import { z } from "zod";

/** Brings a value to every other replica, usually. */
export interface Wire {
  emit(frame: unknown): void;
  listen(hear: (frame: unknown) => void): void;
}

export interface Bus {
  emit(kind: string, body: unknown): void;
  /** One handler a kind. What it throws is logged. */
  on(kind: string, hear: (body: unknown, from: string) => void): void;
  /** Whenever something that this replica said is lost for good. */
  onMissed(tell: (from: string) => void): void;
  /** Begins to listen anew: what was said until now isn't waited for, as when this replica was deaf and has seen to that. */
  listenAnew(): void;
  close(): void;
}

/** In milliseconds. */
export interface BusTiming {
  /** Between two signs of life, which show that the last frame before them arrived. */
  readonly beatEvery: number;
  /** How long a frame may be on its way after one that was said later. */
  readonly patience: number;
}

const usualTiming: BusTiming = { beatEvery: 2_000, patience: 5_000 };

const frameSchema = z.object({
  from: z.string(),
  /** Of the process: numbers begin anew with it. */
  life: z.string(),
  place: z.int().min(1),
  kind: z.string(),
  body: z.unknown(),
});
type Frame = z.infer<typeof frameSchema>;

/** What was heard of one process. */
interface Heard {
  next: number;
  readonly early: Map<number, Frame>;
  waiting: NodeJS.Timeout | undefined;
}

/** Processes of which this is more than any deployment has; those heard of first are forgotten first. */
const mostLives = 100;

/** @param replica the name under which others hear this one */
export function openBus(wire: Wire, replica: string, log: Logger, timing: BusTiming = usualTiming): Bus {
  const life = randomUUID();
  const handlers = new Map<string, (body: unknown, from: string) => void>();
  const lives = new Map<string, Heard>();
  let missed: (from: string) => void = () => {};
  let said = 0;

  const emit = (kind: string, body: unknown) => wire.emit({ from: replica, life, place: ++said, kind, body } satisfies Frame);
  const beating = setInterval(() => emit("beat", null), timing.beatEvery);

  wire.listen((value) => {
    const parsed = frameSchema.safeParse(value);
    if (!parsed.success) return log.warn("another replica said what this version doesn't understand");
    const frame = parsed.data;
    if (frame.life === life) return;
    const heard = heardOf(frame);
    if (frame.place < heard.next) return; // waited for in vain, or said twice
    heard.early.set(frame.place, frame);
    handOn(heard);
    if (heard.early.size > 0) heard.waiting ??= setTimeout(() => skip(heard, frame.from), timing.patience);
  });

  function heardOf({ life: theirs, place }: Frame): Heard {
    const known = lives.get(theirs);
    if (known !== undefined) return known;
    const heard: Heard = { next: place, early: new Map(), waiting: undefined };
    lives.set(theirs, heard);
    for (const [oldest, { waiting }] of lives) {
      if (lives.size <= mostLives) break;
      clearTimeout(waiting);
      lives.delete(oldest);
    }
    return heard;
  }

  function handOn(heard: Heard): void {
    for (let frame = heard.early.get(heard.next); frame !== undefined; frame = heard.early.get(heard.next)) {
      heard.early.delete(heard.next++);
      handle(frame);
    }
    if (heard.early.size > 0) return;
    clearTimeout(heard.waiting);
    heard.waiting = undefined;
  }

  /** The frame that is next has had its time. */
  function skip(heard: Heard, from: string): void {
    heard.waiting = undefined;
    heard.next = Math.min(...heard.early.keys());
    log.warn({ from }, "something that another replica said is lost");
    missed(from);
    handOn(heard);
    if (heard.early.size > 0) heard.waiting = setTimeout(() => skip(heard, from), timing.patience);
  }

  function handle({ kind, body, from }: Frame): void {
    try {
      handlers.get(kind)?.(body, from);
    } catch (error) {
      log.error({ err: error, kind, from }, "what another replica said could not be taken in");
    }
  }

  function listenAnew(): void {
    for (const { waiting } of lives.values()) clearTimeout(waiting);
    lives.clear();
  }

  return {
    emit,
    on: (kind, hear) => void handlers.set(kind, hear),
    onMissed(tell) {
      missed = tell;
    },
    listenAnew,
    close() {
      clearInterval(beating);
      listenAnew();
    },
  };
}
