/** A completion script for bash, from 3.2 on (that of macOS): static, so that a Tab starts no process. */
import { type CompletedCommand, type CompletedValue, placesByAction } from "./completed.ts";

export function bashCompletion(commands: readonly CompletedCommand[]): string {
  return `# Completion of tributary for bash, written by \`tributary completion bash\`.
_tributary_words() {
  COMPREPLY=( $(compgen -W "$1" -- "$cur") )
}
_tributary_files() {
  local one
  compopt -o filenames 2>/dev/null
  while IFS= read -r one; do COMPREPLY+=("$one"); done < <(compgen -f -- "$cur")
}
_tributary() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} at= candidate i
  COMPREPLY=()
  # --option=value comes as three words
  if [[ $cur == = ]]; then cur=
  elif [[ $prev == = ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    candidate="\${at:+$at }\${COMP_WORDS[i]}"
    case "$candidate" in
      ${commands.flatMap(({ path }) => (path === "" ? [] : [`"${path}"`])).join("|")}) at=$candidate ;;
    esac
  done
  case "$at $prev" in
${valueCases(commands).join("\n")}
  esac
  if [[ $cur == -* ]]; then
    case "$at" in
${commands.map(({ path, options }) => `      "${path}") _tributary_words "${options.map(({ long }) => long).join(" ")}" ;;`).join("\n")}
    esac
    return
  fi
  case "$at" in
${commands.flatMap(wordCase).join("\n")}
  esac
}
complete -F _tributary tributary
`;
}

function valueCases(commands: readonly CompletedCommand[]): string[] {
  return [...placesByAction(commands, actionOf)].map(([action, places]) => `    ${places.join("|")}) ${action}; return ;;`);
}

function actionOf({ kind, choices }: CompletedValue): string | undefined {
  if (kind === "choices") return `_tributary_words "${choices.join(" ")}"`;
  if (kind === "files") return "_tributary_files";
  return kind === "free" ? ":" : undefined;
}

function wordCase({ path, verbs, words }: CompletedCommand): string[] {
  const names = verbs.map(({ name }) => name);
  const action = names.length > 0 ? `_tributary_words "${names.join(" ")}"` : actionOf(words);
  return action === undefined ? [] : [`    "${path}") ${action} ;;`];
}
