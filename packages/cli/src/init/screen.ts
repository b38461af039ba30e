/** Asking at a terminal. Whoever presses Ctrl-C ends it; nothing is written before the last answer. */
import type { Readable, Writable } from "node:stream";
import * as clack from "@clack/prompts";
import { fail } from "@tributary/errors";
import { printable } from "../output.ts";
import { usualWidth } from "../terminal.ts";

interface Choice<Value extends string | number> {
  readonly value: Value;
  readonly label: string;
  readonly hint?: string;
}

/** @returns what is wrong with an answer, in words; undefined where nothing is */
type Check = (text: string) => string | undefined;

/** Each throws TRB_CLI_STOPPED when it is interrupted. */
export interface Screen {
  text(message: string, initial: string, check?: Check): Promise<string>;
  /** What nobody should read over the shoulder. */
  secret(message: string, check: Check): Promise<string>;
  choose<Value extends string | number>(message: string, choices: readonly Choice<Value>[], initial?: Value): Promise<Value>;
  confirm(message: string, initial: boolean): Promise<boolean>;
  note(title: string, lines: readonly string[]): void;
  begin(title: string): void;
  end(text: string): void;
}

export function screenOn(input: Readable, output: Writable): Screen {
  // a terminal that doesn't say how large it is would get a letter a line, and one line
  for (const [name, usual] of [
    ["columns", usualWidth],
    ["rows", 24],
  ] as const) {
    if (name in output && !(Number(Reflect.get(output, name)) > 0)) Object.defineProperty(output, name, { value: usual });
  }
  const streams = { input, output };
  const settled = async <Value>(asked: Promise<Value | typeof clack.CANCEL_SYMBOL>): Promise<Value> => {
    const value = await asked;
    if (typeof value !== "symbol") return value;
    clack.cancel("…", { output });
    throw fail("TRB_CLI_STOPPED", { command: "tributary init", kept: "nothing was written" });
  };
  return {
    text: (message, initial, check) =>
      settled(
        clack.text({
          ...{ message, ...streams },
          ...(initial === "" ? {} : { initialValue: initial }),
          validate: (value) => check?.((value ?? "").trim()),
        }),
      ).then((value) => (value ?? "").trim()),
    secret: (message, check) =>
      settled(clack.password({ message, ...streams, validate: (value) => check((value ?? "").trim()) })).then((value) =>
        value.trim(),
      ),
    choose: <Value extends string | number>(message: string, choices: readonly Choice<Value>[], initial?: Value) =>
      settled(
        clack.select<Value>({
          ...{ message, ...streams },
          options: choices.map(({ value, label, hint }) => ({
            value,
            label,
            ...(hint === undefined ? {} : { hint }),
          })) as Parameters<typeof clack.select<Value>>[0]["options"],
          ...(initial === undefined ? {} : { initialValue: initial }),
        }),
      ),
    confirm: (message, initial) => settled(clack.confirm({ message, initialValue: initial, ...streams })),
    note: (title, lines) => clack.note(lines.map(printable).join("\n"), title, { output }),
    begin: (title) => clack.intro(title, { output }),
    end: (text) => clack.outro(text, { output }),
  };
}
