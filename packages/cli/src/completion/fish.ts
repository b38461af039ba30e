/** A completion script for fish, with descriptions. */
import type { CompletedCommand, CompletedOption, CompletedValue } from "./completed.ts";

export function fishCompletion(commands: readonly CompletedCommand[]): string {
  return `# Completion of tributary for fish, written by \`tributary completion fish\`.
set -g __tributary_commands ${commands.flatMap(({ path }) => (path === "" ? [] : [quoted(path)])).join(" ")}
function __tributary_at
    set -l at ""
    set -l given (commandline -opc)
    for word in $given[2..]
        set -l candidate (string trim -- "$at $word")
        contains -- $candidate $__tributary_commands; and set at $candidate
    end
    test "$at" = "$argv[1]"
end
complete -c tributary -f
${commands.flatMap(linesOf).join("\n")}
`;
}

function linesOf({ path, verbs, options, words }: CompletedCommand): string[] {
  const here = `complete -c tributary -n ${quoted(`__tributary_at "${path}"`)}`;
  return [
    ...verbs.map(({ name, description }) => `${here} -a ${quoted(name)} -d ${quoted(description)}`),
    ...options.map((option) => `${here} ${optionWords(option)}`),
    ...(verbs.length > 0 || words.kind === "none" || words.kind === "free"
      ? []
      : [`${here} ${valueWords(words).replace("-x ", "")}`]),
  ];
}

const optionWords = (option: CompletedOption) =>
  `-l ${option.long.replace(/^--/, "")} ${valueWords(option)} -d ${quoted(option.description)}`.replaceAll(/ +/g, " ");

function valueWords({ kind, choices }: CompletedValue): string {
  if (kind === "choices") return `-x -a ${quoted(choices.join(" "))}`;
  if (kind === "files") return "-r -F";
  return kind === "free" ? "-x" : "";
}

const quoted = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
