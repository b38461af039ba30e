/** What every check of the supply chain returns: what is wrong, or that it couldn't be found out. Nothing wrong is an empty list, and only that. */
export interface Checked {
  /** A few words: "resolutions". */
  readonly name: string;
  /** What was looked at, in figures: "1166 packages". */
  readonly looked: string;
  readonly wrong: readonly string[];
  /** Why it couldn't be found out; then nothing is known, whatever `wrong` says. */
  readonly unknown?: string;
}
