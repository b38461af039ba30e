/** Where a round's time goes: marks at the borders of its phases, and what lies between two of them. */

/** What a process had used when a phase began. */
interface Mark {
  readonly round: number;
  readonly phase: string;
  /** Milliseconds. */
  readonly at: number;
  /** Processor milliseconds of all threads. */
  readonly cpu: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** One phase of one round. */
export interface PhaseCost {
  readonly round: number;
  readonly phase: string;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

export interface PhaseMeter {
  /** The phase begins, and the one before it ends. `between` begins what belongs to no round. */
  begin(round: number, phase: string, bytes?: { readonly bytesIn: number; readonly bytesOut: number }): void;
  costs(): readonly PhaseCost[];
}

export const between = "between";

export function phaseMeter(): PhaseMeter {
  const marks: Mark[] = [];
  return {
    begin(round, phase, { bytesIn, bytesOut } = { bytesIn: 0, bytesOut: 0 }) {
      const { user, system } = process.cpuUsage();
      marks.push({ round, phase, at: performance.now(), cpu: (user + system) / 1e3, bytesIn, bytesOut });
    },
    costs: () =>
      marks.slice(1).flatMap((next, place) => {
        const mark = marks[place];
        if (mark === undefined || mark.phase === between) return [];
        return {
          ...{ round: mark.round, phase: mark.phase },
          ...{ seconds: (next.at - mark.at) / 1e3, cpuSeconds: (next.cpu - mark.cpu) / 1e3 },
          ...{ bytesIn: next.bytesIn - mark.bytesIn, bytesOut: next.bytesOut - mark.bytesOut },
        };
      }),
  };
}
