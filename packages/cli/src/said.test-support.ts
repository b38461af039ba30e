/** What a command prints on stdout, run within the test's own process. */
import { vi } from "vitest";
import { program } from "./program.ts";

/** @throws what the command throws */
export async function say(...words: readonly string[]): Promise<string> {
  const printed: string[] = [];
  const writing = vi.spyOn(process.stdout, "write").mockImplementation((text) => printed.push(String(text)) > 0);
  try {
    await program().parseAsync([...words], { from: "user" });
  } finally {
    writing.mockRestore();
  }
  return printed.join("");
}
