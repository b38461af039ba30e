/** Operators' tables, for `storage/schema.ts` and `storage/migrations.ts`. Instants are RFC 3339 texts of the replica's clock. */
import type { EngineWords } from "../storage/migrations.ts";

export interface AccessTables {
  readonly operators: OperatorsTable;
  readonly sessions: SessionsTable;
  readonly tokens: TokensTable;
  readonly attempts: AttemptsTable;
}

interface OperatorsTable {
  readonly name: string;
  readonly role: string;
  /** As `passwords.ts` writes it. */
  readonly password: string;
  readonly made: string;
}

interface SessionsTable {
  /** SHA-256 of what the cookie holds. */
  readonly hash: string;
  readonly operator: string;
  readonly made: string;
  readonly seen: string;
}

interface TokensTable {
  /** Public: `trb_` and 12 hexadecimal digits. */
  readonly id: string;
  /** SHA-256 of the whole token. */
  readonly hash: string;
  readonly name: string;
  readonly role: string;
  /** The account that made it; null: somebody on the coordinator's machine. */
  readonly operator: string | null;
  readonly made: string;
  readonly expires: string;
  /** To the hour. */
  readonly used: string | null;
}

/** Wrong passwords in a row. */
interface AttemptsTable {
  readonly place: string;
  readonly failures: number;
  readonly last: string;
}

/** With an account its sessions and tokens are gone. */
export const accessTables = ({ integer, strict }: EngineWords): readonly string[] => [
  `CREATE TABLE operators (name TEXT PRIMARY KEY, role TEXT NOT NULL, password TEXT NOT NULL, made TEXT NOT NULL)${strict}`,
  `CREATE TABLE sessions (
    hash TEXT PRIMARY KEY, operator TEXT NOT NULL REFERENCES operators (name) ON DELETE CASCADE, made TEXT NOT NULL, seen TEXT NOT NULL
  )${strict}`,
  `CREATE TABLE tokens (
    id TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE, role TEXT NOT NULL,
    operator TEXT REFERENCES operators (name) ON DELETE CASCADE, made TEXT NOT NULL, expires TEXT NOT NULL, used TEXT
  )${strict}`,
  `CREATE TABLE attempts (place TEXT PRIMARY KEY, failures ${integer} NOT NULL, last TEXT NOT NULL)${strict}`,
];
