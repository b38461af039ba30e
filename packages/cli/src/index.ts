/** Room 14. The `tributary` command. */
export type { ArgumentOutline, CommandOutline, OptionOutline } from "./outline.ts";
export { outline, program } from "./program.ts";
