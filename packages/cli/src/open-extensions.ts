/** Extensions that a command is given: which files they are, and which of them brings what. */
import { fail } from "@tributary/errors";
import { type OpenExtension, openExtension } from "@tributary/model/extension-files";
import { Option } from "commander";

/** For commands that read a model or a plan from elsewhere. */
export const extensionFilesOption = () => new Option("--extension <files...>", "files of the plan's extensions");

/** Runs the files; their authors are trusted by whoever gives them. @throws TRB_EXTENSION_UNREADABLE, TRB_CLI_BAD_OPTION */
export async function openExtensions(files: readonly string[] = []): Promise<readonly OpenExtension[]> {
  const opened: OpenExtension[] = [];
  for (const file of files) opened.push(await openExtension(file));
  for (const part of ["model", "optimiser"] as const) {
    const bringing = opened.filter(({ extension }) => extension[part] !== undefined);
    if (bringing.length > 1)
      throw refused(bringing.map(({ extension }) => extension.name).join(), `one extension with a ${part}`);
  }
  return opened;
}

/** Whose model or optimiser it is, if any brings one. */
export function nameWith(extensions: readonly OpenExtension[], part: "model" | "optimiser"): string | undefined {
  return extensions.find(({ extension }) => extension[part] !== undefined)?.extension.name;
}

export const refused = (value: string, expected: string) => fail("TRB_CLI_BAD_OPTION", { option: "--extend", value, expected });
