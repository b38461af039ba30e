/** What a process that judges mutants is told (a file), and what it tells (lines of another, one JSON value each, as things happen). */

export interface Job {
  readonly root: string;
  /**
   * `baseline` runs all tests once without a mutant, for their durations and for which mutants each comes by; `mutants` loads the tests once and tries one
   * mutant after the other; `fresh` has its only mutant switched on before anything is loaded.
   */
  readonly mode: "baseline" | "mutants" | "fresh";
  /** Absolute. */
  readonly tests: readonly string[];
  /** A JSON file: [absolute path, text with mutants] of each source. */
  readonly sources: string;
  readonly mutants: readonly number[];
  /** Above every id. */
  readonly ids: number;
  /** JSON files of a Baseline each; none for `baseline`. */
  readonly baselines: readonly string[];
  /** Where its lines go. */
  readonly told: string;
}

/** A test, known by its file and by its place among the file's tests. */
export interface BaselineTest {
  readonly file: string;
  readonly place: number;
  readonly name: string;
  readonly milliseconds: number;
  /** [mutant, how often the test came by it] */
  readonly met: readonly (readonly [number, number])[];
}

export interface Baseline {
  readonly tests: readonly BaselineTest[];
  /** Mutants that loading the code comes by, before any test runs. */
  readonly atLoad: readonly number[];
  readonly failed: readonly string[];
}

export type Verdict = "killed" | "timeout" | "survived" | "no coverage";

/** `fresh`: what was seen can't be trusted, since the code keeps something from an earlier run or is only read at load: to be judged by a process of its own. */
export type Told =
  | { readonly at: "begin"; readonly id: number }
  /** It may be silent for so long. */
  | { readonly at: "alive"; readonly milliseconds: number }
  | { readonly at: "end"; readonly id: number; readonly verdict: Verdict | "fresh"; readonly by: string }
  /** The code keeps something that a mutant left: a new process has to go on. */
  | { readonly at: "spoilt" }
  | { readonly at: "baseline"; readonly baseline: Baseline }
  | { readonly at: "done" };
