/**
 * Switches that every command takes, wherever they stand: they say how something is told, not what is done, so no command sees them. They are kept as
 * environment variables, which hold for the processes that a command starts as well.
 */

export interface GlobalSwitch {
  readonly flags: string;
  readonly description: string;
  readonly variable: string;
}

export const globalSwitches = [
  { flags: "--no-color", description: "no colours", variable: "NO_COLOR" },
  {
    flags: "--debug",
    description: "where an error came from as well; read it before you pass it on",
    variable: "TRIBUTARY_DEBUG",
  },
] as const satisfies readonly GlobalSwitch[];

/** The words that are left for the command; what stands behind `--` is not looked at. */
export function withoutSwitches(
  words: readonly string[],
  environment: Record<string, string | undefined> = process.env,
): string[] {
  const end = words.indexOf("--");
  const own = end < 0 ? words : words.slice(0, end);
  const found = globalSwitches.filter(({ flags }) => own.includes(flags));
  for (const { variable } of found) environment[variable] = "1";
  const flags: readonly string[] = found.map((one) => one.flags);
  return [...own.filter((word) => !flags.includes(word)), ...words.slice(own.length)];
}
