/** Makes docs/reference/cli.md of the tree of commands: what `--help` says of each, and the variable that sets each option. */
import { type CommandOutline, exitCodes, type OptionOutline, outline } from "tributary";

/** The whole document. */
export function cliReference(): string {
  const commands = outline().filter(({ path }) => path !== "");
  const nouns = commands.filter(({ path }) => !path.includes(" "));
  return [
    "# The command line",
    "",
    "Made from the commands themselves by `node docs/check-examples.ts --write`; `tributary COMMAND --help` says the same. In a checkout, `tributary` is `pnpm -s tributary`.",
    "",
    "Every command has `--help`. With `--json` it prints one JSON document on stdout; logs and progress go to stderr. An option's value is the command line's, else its variable's, else that of",
    "`tributary.config.json`, else the default ([configuration](configuration.md)). What is refused is refused with a code ([errors](../errors.md)).",
    "",
    "| exit code | means |",
    "| --- | --- |",
    ...exitCodes.map(({ code, meaning }) => `| ${code} | ${meaning} |`),
    "",
    "| noun | is about | verbs |",
    "| --- | --- | --- |",
    ...nouns.map(
      ({ path, description, verbs }) =>
        `| [\`${path}\`](#${anchor(path)}) | ${cell(description)} | ${verbs.map((verb) => `[${verb}](#${anchor(`${path} ${verb}`)})`).join(" · ")} |`,
    ),
    ...commands.flatMap(section),
    "",
  ].join("\n");
}

const anchor = (path: string) => path.replaceAll(" ", "-");

/** Angle brackets would be elements, and braces the site's own. */
const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("<", "&lt;").replaceAll("{{", "{ {");

function section(command: CommandOutline): string[] {
  const depth = command.path.split(" ").length + 1;
  const given = command.arguments.map(({ name, description, required, variadic, choices }) => {
    const written = `${name}${variadic ? "…" : ""}`;
    return `| \`${written}\` | ${cell(description)}${choices.length === 0 ? "" : ` (${choices.join(", ")})`}${required ? "" : " (may be left out)"} |`;
  });
  return [
    "",
    `${"#".repeat(Math.min(depth, 4))} ${command.path}`,
    "",
    `${cell(sentence(command.description))}`,
    ...(command.runs ? ["", `\`${command.usage}\``] : []),
    ...(given.length === 0 ? [] : ["", "| argument | |", "| --- | --- |", ...given]),
    ...(command.options.length === 0 || !command.runs
      ? []
      : ["", "| option | | default | variable |", "| --- | --- | --- | --- |", ...command.options.map(row)]),
    ...(command.examples === "" ? [] : ["", "```text", command.examples, "```"]),
  ];
}

const sentence = (text: string) => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;

function row({ flags, description, choices, mandatory, initial, environment }: OptionOutline): string {
  const among = choices.length === 0 ? "" : ` (${choices.join(", ")})`;
  const first =
    mandatory && initial === undefined
      ? "needed"
      : initial === undefined
        ? ""
        : `\`${typeof initial === "string" ? initial : JSON.stringify(initial)}\``;
  return `| \`${flags.replaceAll("|", "\\|")}\` | ${cell(description)}${among} | ${first} | \`${environment}\` |`;
}
