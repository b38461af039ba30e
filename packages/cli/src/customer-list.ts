/** A file of customers' ids. What stands in it is private: a refusal names the file and says nothing of a line. */
import { fail } from "@tributary/errors";
import { readInput } from "./files.ts";

const longest = 256;

/**
 * Ids, one a line, as they stand there; empty lines are passed over. A file that is no UTF-8 lists nobody: read some other way it would name others.
 * @param option the flag that named the file
 * @throws TRB_CLI_FILE_NOT_FOUND, TRB_CLI_FILE_UNREADABLE, TRB_CLI_BAD_OPTION
 */
export function customerList(option: string, file: string): readonly string[] {
  const ids = utf8(readInput(file))
    .split("\n")
    .map((line) => line.replace(/\r$/, ""))
    .filter((line) => line !== "");
  if (ids.length > 0 && ids.every(({ length }) => length <= longest)) return ids;
  const expected = `a file with a customer's id of at most ${longest} characters on each line`;
  throw fail("TRB_CLI_BAD_OPTION", { option, value: file.slice(0, 80), expected });
}

/** Empty where it is no UTF-8: then it lists nobody. */
function utf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return "";
  }
}
