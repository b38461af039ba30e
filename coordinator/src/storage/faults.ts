/**
 * What a database's own errors mean, in our codes, and what may be done about each. The original stays out of the coded error: its words and details may
 * quote what was written; its code (SQLSTATE, SQLite's or the system's) is the reason that is shown.
 */
import { type ErrorCode, fail, isTributaryError, type TributaryError } from "@tributary/errors";

type Fate =
  /** It can't be reached just now; what was asked last may have been done or not. */
  | "unreachable"
  /** It was reached and undid the transaction, which another got in the way of. */
  | "undone"
  /** Trying again changes nothing. */
  | "final";

export interface Fault {
  readonly fate: Fate;
  readonly error: unknown;
}

interface Kind {
  readonly fate: Fate;
  readonly code: ErrorCode;
  readonly codes: RegExp;
}

/** What a pooler says that refuses a setting at the beginning of a connection, or is no PostgreSQL: there is no other use of it. */
const pooled = /^08P01$/;

/** SQLSTATEs are those of PostgreSQL's appendix A; names that begin with E are the system's. */
const kinds: readonly Kind[] = [
  { fate: "final", code: "TRB_COORDINATOR_DATABASE_POOLED", codes: pooled },
  { fate: "unreachable", code: "TRB_COORDINATOR_DATABASE_UNREACHABLE", codes: /^(08...|57P0[1-5]|53300|25P0[34])$/ },
  { fate: "unreachable", code: "TRB_COORDINATOR_DATABASE_UNREACHABLE", codes: /^E(?!RR_)[A-Z_]+$/ },
  { fate: "undone", code: "TRB_COORDINATOR_DATABASE_UNREACHABLE", codes: /^(40...|55P03|57014)$/ },
  { fate: "final", code: "TRB_COORDINATOR_DATABASE_FULL", codes: /^(53100|53200|58030|SQLITE_FULL|SQLITE_IOERR)$/ },
  {
    fate: "final",
    code: "TRB_COORDINATOR_DATABASE_REFUSED",
    codes: /^(28...|3D000|3F000|42501|25006|SQLITE_(READONLY|CANTOPEN|PERM|AUTH))$/,
  },
  {
    fate: "final",
    code: "TRB_COORDINATOR_DATABASE_REFUSED",
    codes: /^(ERR_TLS_|ERR_SSL_|SELF_SIGNED|UNABLE_TO_|DEPTH_ZERO_|CERT_|NO_TLS$|NO_PASSWORD$)/,
  },
  { fate: "undone", code: "TRB_COORDINATOR_DATABASE_UNREACHABLE", codes: /^SQLITE_(BUSY|LOCKED)$/ },
];

const damaged = /^(XX00[12]|SQLITE_(CORRUPT|NOTADB))$/;

/** SQLite's primary result codes, sqlite3.h. */
const sqliteCodes: Readonly<Record<number, string>> = {
  3: "SQLITE_PERM",
  5: "SQLITE_BUSY",
  6: "SQLITE_LOCKED",
  8: "SQLITE_READONLY",
  10: "SQLITE_IOERR",
  11: "SQLITE_CORRUPT",
  13: "SQLITE_FULL",
  14: "SQLITE_CANTOPEN",
  23: "SQLITE_AUTH",
  26: "SQLITE_NOTADB",
};

/** Of what is written down, rather than of what holds it. */
const ofContent: readonly string[] = [
  "TRB_COORDINATOR_LEDGER_FORKED",
  "TRB_COORDINATOR_DATABASE_NEWER",
  "TRB_FEDERATION_STATE_UNREADABLE",
  "TRB_LEDGER_LINE_INVALID",
  "TRB_LEDGER_NOT_CANONICAL",
  "TRB_EXTENSION_ALTERED",
];

/**
 * Whether it stays so until somebody restores a backup or another program, which takes a start anew: a malformed database, a ledger or a state that can't be
 * read. A blob that is damaged or gone doesn't: put back in its place it is found by a process that runs.
 */
export function isLasting(error: unknown): boolean {
  if (!isTributaryError(error)) return false;
  const malformed = error.code === "TRB_COORDINATOR_STORE_DAMAGED" && damaged.test(String(error.details["reason"]));
  return malformed || ofContent.includes(error.code);
}

/** @param where the database, as it may be shown */
export function faultOf(error: unknown, where: string): Fault {
  if (isTributaryError(error)) return { fate: "final", error };
  const reason = reasonOf(error);
  const coded = (code: ErrorCode, details: Readonly<Record<string, string>>): TributaryError => fail(code, details);
  if (damaged.test(reason)) return { fate: "final", error: coded("TRB_COORDINATOR_STORE_DAMAGED", { reason }) };
  const kind = kinds.find(({ codes }) => codes.test(reason));
  return kind === undefined ? { fate: "final", error } : { fate: kind.fate, error: coded(kind.code, { where, reason }) };
}

/** `pg` has no codes for what it finds itself. */
const endings: readonly { readonly words: RegExp; readonly code: string }[] = [
  { words: /^SASL/, code: "NO_PASSWORD" },
  { words: /SSL/, code: "NO_TLS" },
  { words: /timeout/i, code: "ETIMEDOUT" },
  { words: /^Connection terminated|not queryable|connection error|Connection ended/i, code: "ECONNRESET" },
];

/** A code; never words, which may quote what was written. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  if (error instanceof AggregateError) return reasonOf(error.errors[0]); // one for each address of a name
  if ("errcode" in error && typeof error.errcode === "number") return sqliteCodes[error.errcode & 0xff] ?? "SQLITE_ERROR";
  if ("code" in error && typeof error.code === "string") return error.code;
  return endings.find(({ words }) => words.test(error.message))?.code ?? error.name;
}
