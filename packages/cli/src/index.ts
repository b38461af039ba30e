/** Room 14. The `tributary` command. */
export { program } from "./program.ts";
