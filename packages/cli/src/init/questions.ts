/**
 * Questions and where their answers come from: a flag, else, with `--yes`, what is usual, else whoever sits at the terminal. Without a terminal every answer
 * that is missing is named at once, by its flag.
 */
import { fail } from "@tributary/errors";
import type { Screen } from "./screen.ts";

export interface Question<Answers, Value> {
  /** By which it can be answered. */
  readonly flag: string;
  /** What `--yes` takes; undefined where nobody can guess. It may depend on the answers before. */
  readonly usual?: (before: Partial<Answers>) => Value | undefined | Promise<Value | undefined>;
  /** Whether it has to be asked at all, by the answers before. */
  readonly applies?: (before: Partial<Answers>) => boolean;
  ask(screen: Screen, before: Partial<Answers>): Promise<Value>;
}

export type Questions<Answers> = { readonly [Name in keyof Answers]-?: Question<Answers, Answers[Name]> };

export interface Answering {
  /** Undefined where nobody can be asked. */
  readonly screen: Screen | undefined;
  /** Take what is usual. */
  readonly yes: boolean;
}

/**
 * Answers in the order of the questions.
 * @throws TRB_CLI_INIT_UNANSWERED, TRB_CLI_STOPPED, and what the questions refuse
 */
export async function answered<Answers extends object>(
  questions: Questions<Answers>,
  given: Partial<Answers>,
  { screen, yes }: Answering,
): Promise<Partial<Answers>> {
  const answers: Partial<Answers> = { ...given };
  const missing: string[] = [];
  for (const name of Object.keys(questions) as (keyof Answers)[]) {
    const { flag, usual, applies, ask } = questions[name];
    if (answers[name] !== undefined || applies?.(answers) === false) continue;
    const value = yes ? await usual?.(answers) : undefined;
    if (value !== undefined) answers[name] = value;
    else if (screen !== undefined) answers[name] = await ask(screen, answers);
    else missing.push(flag);
  }
  if (missing.length > 0) throw fail("TRB_CLI_INIT_UNANSWERED", { flags: missing.join(", ") });
  return answers;
}
