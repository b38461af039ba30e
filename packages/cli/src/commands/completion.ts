/** `tributary completion`: a script that makes a shell complete commands, options, choices and files. */
import { Argument, Command } from "commander";
import { bashCompletion } from "../completion/bash.ts";
import { completedCommands } from "../completion/completed.ts";
import { fishCompletion } from "../completion/fish.ts";
import { zshCompletion } from "../completion/zsh.ts";
import { jsonOption } from "../options.ts";
import { outlineOf } from "../outline.ts";
import { print } from "../output.ts";

const scripts = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;
type Shell = keyof typeof scripts;

/** Where each shell looks for it. */
const places = `
For good, where each shell looks:
  tributary completion bash > ~/.local/share/bash-completion/completions/tributary
  tributary completion zsh > ~/.zfunc/_tributary       (a folder of its fpath)
  tributary completion fish > ~/.config/fish/completions/tributary.fish`;

export function completionCommand(): Command {
  return new Command("completion")
    .description("print a script by which a shell completes commands, options, their choices, and files")
    .addArgument(new Argument("<shell>", "whose").choices(Object.keys(scripts)))
    .addOption(jsonOption())
    .addHelpText("after", `\nExample:\n  tributary completion bash > tributary.bash && source tributary.bash\n${places}`)
    .action((shell: Shell, options: { json?: boolean }, command: Command) => {
      const root = command.parent ?? command;
      const script = scripts[shell](completedCommands(outlineOf(root)));
      print(options.json, { shell, script }, () => [script.trimEnd()]);
    });
}
