/** `init`, for whoever is just looking: the demo or a simulation, of made-up customers or of a log. */
import { addToConfigurationFile, type Configuration } from "./configuration-file.ts";
import { type LogAnswers, logQuestions } from "./log.ts";
import type { Outcome } from "./merchant.ts";
import type { Questions } from "./questions.ts";
import type { InitWords } from "./words.ts";

export interface LookingAnswers extends LogAnswers {
  readonly what: "demo" | "simulate";
}

export function lookingQuestions(words: InitWords): Questions<LookingAnswers> {
  return {
    what: {
      flag: "--try demo or simulate",
      usual: () => "demo",
      ask: (screen) =>
        screen.choose(words.tryWhat, [
          { value: "demo", label: words.demo },
          { value: "simulate", label: words.simulate },
        ]),
    },
    ...logQuestions<LookingAnswers>(words, words.ownLog),
  };
}

export function lookingConfiguration({ what, log, columns }: LookingAnswers): Configuration {
  if (log === "") return {};
  return { [what]: { events: log, ...(columns === "" ? { preset: "sasrec-text" } : { columns }) } };
}

export function settleLooking(answers: LookingAnswers, words: InitWords): Outcome {
  const { what, log } = answers;
  const file = log === "" ? undefined : addToConfigurationFile(lookingConfiguration(answers));
  return {
    files: file === undefined ? [] : [file],
    commands: [`tributary ${what}`],
    lines: file === undefined ? [] : [words.configuration(file)],
    document: { try: what, log: log === "" ? null : log },
  };
}
