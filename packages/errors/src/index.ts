/** Room 0. The one table of coded errors; nothing else. */
export type { ErrorDefinition, ExitCode } from "./define.ts";
export { type ErrorDetails, fail, isTributaryError, TributaryError } from "./error.ts";
export { type ErrorCode, errorTable } from "./table.ts";
