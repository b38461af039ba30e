/** The switch between mutants that instrumented sources read, as two names in the global scope: `$mutant(ID)` and `$met[ID]`. */

declare global {
  var $mutant: (id: number) => boolean;
  var $met: Float64Array;
}

/** That often a mutant may be come by before what runs counts as endless. */
const mostMeetings = (usual: number): number => 10_000 + 20 * usual;

export interface Switch {
  /** Turns one mutant on, for what comes by it `usual` times without it. */
  on(id: number, usual: number): void;
  off(): void;
  /** How often the mutant was come by since it was turned on. */
  meetings(): number;
  /** Whether that was too often. */
  overran(): boolean;
}

export function installSwitch(ids: number): Switch {
  let [active, meetings, most] = [-1, 0, 0];
  globalThis.$met = new Float64Array(ids);
  globalThis.$mutant = (id) => {
    if (id !== active) return false;
    meetings++;
    if (meetings > most) throw new Error("endless");
    return true;
  };
  return {
    on: (id, usual) => {
      [active, meetings, most] = [id, 0, mostMeetings(usual)];
    },
    off: () => {
      active = -1;
    },
    meetings: () => meetings,
    overran: () => meetings > most,
  };
}
