/**
 * What a coordinator logs: JSON lines, one an event, with federation and replica in each and round and node ids where there are any. Values that are
 * private never get that far: what stands under a name of `redacted` is left out at any depth, and errors are told by what is known to quote nothing.
 */
import { isTributaryError } from "@tributary/errors";
import { destination, type Logger, type LoggerOptions, levels, pino } from "pino";

export const logLevels = [...Object.values(levels.labels), "silent"] as const;

/** Names under which secrets, or what customers did, could stand. Public keys and hashes have other names: `fingerprint`, `head`, `sha256`. */
export const redacted: readonly string[] = [
  ...["token", "tokens", "password", "passwords", "secret", "secrets", "key", "keys", "privateKey", "seed", "seeds", "invite"],
  ...["authorization", "cookie", "cookies", "headers", "session", "databaseUrl", "connectionString", "credentials"],
  ...["customer", "customers", "customerId", "customerIds", "items", "events", "history", "sample", "body", "payload"],
  ...["shares", "vector", "vectors", "masks", "ownMasks", "pairMasks", "maskKey", "ownMask", "recovered", "noise"],
  ...["parameters", "values", "detail", "input"],
];
const hidden = new Set(redacted.map((name) => name.toLowerCase()));
export const censor = "[redacted]";

/** What would be a secret wherever it stands: passwords in addresses, operators' tokens, what nodes prove themselves by. */
const secrets: readonly { readonly form: RegExp; readonly shown: string }[] = [
  { form: /:\/\/([^\s:/@]*):[^\s/@]+@/g, shown: `://$1:${censor}@` },
  { form: /\btrb_[0-9a-f]{12}_[A-Za-z0-9_-]+/g, shown: censor },
  { form: /\bBearer\s+\S+/gi, shown: `Bearer ${censor}` },
];

/** Errors whose words are about the program, not about what it was given: V8's, and the system's (which name a path and a call). */
const ownWords = ["TypeError", "RangeError", "ReferenceError", "AggregateError", "AbortError"];
const systemCode = /^E(?!RR_)[A-Z0-9_]+$/;
/** Of causes, and of objects in objects. */
const deepest = 6;

/** How deployments log: its lines are told nothing that `redacted` names. */
export function coordinatorLog({ level = "info" }: { readonly level?: string | undefined } = {}): Logger {
  return pino({ base: null, level, ...protection }, destination({ fd: 2, sync: true }));
}

/** The same log, protected, with what stands in each of its lines. */
export function childLog(log: Logger, bindings: Readonly<Record<string, string | number>>): Logger {
  return log.child(bindings, protection);
}

const protection = {
  serializers: { err: (error: unknown) => error }, // described by then
  formatters: { log: (line: object) => censored(line, 0) as Record<string, unknown> },
} satisfies LoggerOptions;

function censored(value: unknown, depth: number): unknown {
  if (typeof value === "string") return withoutSecrets(value);
  if (typeof value !== "object" || value === null) return value;
  if (depth >= deepest) return censor;
  if (value instanceof Error) return describedError(value, depth);
  if (ArrayBuffer.isView(value)) return censor;
  if (Array.isArray(value)) return value.map((one) => censored(one, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, hidden.has(name.toLowerCase()) ? censor : censored(inner, depth + 1)]),
  );
}

const withoutSecrets = (text: string): string => secrets.reduce((so, { form, shown }) => so.replace(form, shown), text);

/** Databases and parsers quote in their words what they were given: of their errors there are only code and place. */
function describedError(error: Error, depth: number): object {
  const code = "code" in error && typeof error.code === "string" ? error.code : undefined;
  const spoken = isTributaryError(error) || ownWords.includes(error.name) || (code !== undefined && systemCode.test(code));
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  return {
    type: error.name,
    ...(code === undefined ? {} : { code }),
    ...(spoken ? { message: withoutSecrets(error.message) } : {}),
    stack: frames.map((frame) => frame.trim()),
    ...(error.cause instanceof Error && depth < deepest ? { cause: describedError(error.cause, depth + 1) } : {}),
  };
}
