/** Room 14. The `tributary` command. */
export { type ArgumentOutline, type CommandOutline, type OptionOutline, outline } from "./outline.ts";
export { program } from "./program.ts";
