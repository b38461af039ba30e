/**
 * PostgreSQL's complaints as coded errors. Its messages may quote values, and its driver's the address with the password: apart from what is
 * said of the caller's own query, only the kind of complaint goes on, and never the error as a cause.
 */
import { fail, isTributaryError, type TributaryError } from "@tributary/errors";

/** Kinds of complaints by SQLSTATE (PostgreSQL's documentation, appendix A), and what to say of each. */
const refusals: Readonly<Record<string, string>> = {
  "28P01": "the user or the password is wrong",
  "28000": "this user may not connect from here",
  "3D000": "there is no such database",
  "53300": "it has too many connections already",
};
const failures: Readonly<Record<string, string>> = {
  "53100": "its disk is full",
  "53200": "its memory is full",
  "53400": "the query needs more temporary space than this role may use (temp_file_limit)",
  "57014": "somebody cancelled the query",
};
const lost = new Set(["57P01", "57P02", "57P03", "57P05", "08006", "08003", "25P03", "ECONNRESET", "EPIPE", "ETIMEDOUT"]);
const unreachable = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "ENOENT", "EACCES"]);

/** What went wrong before there was a connection. @param source without its password */
export function connectionFailure(source: string, error: unknown): TributaryError {
  if (isTributaryError(error)) return error;
  const [code, message] = [codeOf(error), messageOf(error)];
  const refusal = refusals[code];
  if (refusal !== undefined) return fail("TRB_EVENTS_SOURCE_REFUSED", { source, reason: refusal });
  if (/password must be/.test(message)) return fail("TRB_EVENTS_SOURCE_REFUSED", { source, reason: "it asks for a password" });
  if (/timeout|timed out/i.test(message)) return fail("TRB_EVENTS_SOURCE_UNREACHABLE", { source, reason: "it doesn't answer" });
  if (/SSL|TLS|certificate/i.test(`${message} ${code}`)) {
    return fail("TRB_EVENTS_SOURCE_UNREACHABLE", { source, reason: "no encrypted connection comes about (see sslmode)" });
  }
  const reason = code === "" ? "the connection broke" : code;
  return fail("TRB_EVENTS_SOURCE_UNREACHABLE", { source, reason });
}

/** What went wrong in the session. */
export function sessionFailure(source: string, error: unknown): TributaryError {
  if (isTributaryError(error)) return error;
  const [code, message] = [codeOf(error), messageOf(error)];
  if (unreachable.has(code)) return connectionFailure(source, error);
  if (lost.has(code) || /connection (was )?terminated|connection ended|not queryable/i.test(message)) {
    return fail("TRB_EVENTS_SOURCE_LOST", { source });
  }
  const failure = failures[code];
  if (failure !== undefined) return fail("TRB_EVENTS_SOURCE_FAILED", { source, reason: failure });
  if (code === "25006") return fail("TRB_EVENTS_BAD_QUERY", { reason: "it would write, and only reading is allowed" });
  // of syntax, names and rights PostgreSQL says only what the query itself says
  if (code.startsWith("42")) return fail("TRB_EVENTS_BAD_QUERY", { reason: message.split("\n")[0]?.slice(0, 200) ?? code });
  if (code.startsWith("22"))
    return fail("TRB_EVENTS_BAD_QUERY", { reason: `it computes what can't be computed (SQLSTATE ${code})` });
  return fail("TRB_EVENTS_SOURCE_FAILED", { source, reason: code === "" ? "the connection broke" : `SQLSTATE ${code}` });
}

const codeOf = (error: unknown) =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
const messageOf = (error: unknown) => (error instanceof Error ? error.message : "");

/** Where temporary tables can't be made: on a standby, or by a role without the right. */
export function temporaryFailure(source: string, error: unknown): TributaryError {
  const code = codeOf(error);
  if (code === "25006") return fail("TRB_EVENTS_SOURCE_NO_TEMPORARY", { source, reason: "it is a standby, which only reads" });
  if (code === "42501") return fail("TRB_EVENTS_SOURCE_NO_TEMPORARY", { source, reason: "this role may not" });
  return sessionFailure(source, error);
}
