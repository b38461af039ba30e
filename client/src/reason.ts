/** Why something outside of the program failed, for the text of a coded error. */
/** The system's short word for what went wrong (`ENOSPC`), which names no private value. */
export function reasonOf(cause: unknown): string {
  if (cause instanceof Error && "code" in cause && typeof cause.code === "string") return cause.code;
  return cause instanceof Error ? cause.message : "unknown";
}
