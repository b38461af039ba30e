/** A completion script for zsh, with descriptions; it may be sourced, or lie in a folder of `fpath` as `_tributary`. */
import { type CompletedCommand, type CompletedValue, placesByAction } from "./completed.ts";

export function zshCompletion(commands: readonly CompletedCommand[]): string {
  return `#compdef tributary
# Completion of tributary for zsh, written by \`tributary completion zsh\`.
_tributary() {
  local at= candidate word prev=$words[CURRENT-1]
  local -a options verbs
  for word in \${words[2,CURRENT-1]}; do
    candidate="\${at:+$at }$word"
    case $candidate in
      (${commands.flatMap(({ path }) => (path === "" ? [] : [`"${path}"`])).join("|")}) at=$candidate ;;
    esac
  done
  if [[ $words[CURRENT] == --*=* ]]; then
    prev=\${words[CURRENT]%%=*}
    compset -P '*='
  fi
  case "$at $prev" in
${valueCases(commands).join("\n")}
  esac
  case $at in
${commands.map(commandCase).join("\n")}
  esac
}
if [[ $funcstack[1] == _tributary ]]; then _tributary "$@"; else compdef _tributary tributary; fi
`;
}

function valueCases(commands: readonly CompletedCommand[]): string[] {
  return [...placesByAction(commands, actionOf)].map(([action, places]) => `    (${places.join("|")}) ${action}; return ;;`);
}

function actionOf({ kind, choices }: CompletedValue): string | undefined {
  if (kind === "choices") return `compadd -- ${choices.map(quoted).join(" ")}`;
  if (kind === "files") return "_files";
  return kind === "free" ? "_message value" : undefined;
}

function commandCase({ path, verbs, options, words }: CompletedCommand): string {
  const lines = [
    `      options=(${options.map(({ long, description }) => described(long, description)).join(" ")})`,
    `      if [[ $words[CURRENT] == -* ]]; then _describe -o option options; return; fi`,
    ...(verbs.length > 0
      ? [
          `      verbs=(${verbs.map(({ name, description }) => described(name, description)).join(" ")})`,
          "      _describe command verbs",
        ]
      : [`      ${actionOf(words) ?? ":"}`]),
  ];
  return `    ("${path}")\n${lines.join("\n")}\n      ;;`;
}

/** `'name:what it does'`, with colons of its own kept. */
const described = (name: string, description: string) =>
  quoted(`${name}:${description.replaceAll("\\", "\\\\").replaceAll(":", "\\:")}`);

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
