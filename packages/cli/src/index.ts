/** Room 14. The `tributary` command. */
export { environmentVariables, exitCodes } from "./help.ts";
export { invocationOf } from "./invocation.ts";
export type { ArgumentOutline, CommandOutline, OptionOutline } from "./outline.ts";
export { outline, program } from "./program.ts";
