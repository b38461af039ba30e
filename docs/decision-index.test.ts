/** The index of decisions says what the pages say. */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { decisionIndex, decisionsIn } from "./decision-index.ts";

const folder = fileURLToPath(new URL("decisions", import.meta.url));

async function withPage(file: string, text: string): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), "tributary-decisions-"));
  onTestFinished(() => rm(copy, { recursive: true, force: true }));
  cpSync(folder, copy, { recursive: true });
  writeFileSync(join(copy, file), text);
  return copy;
}

test("it has every page, in order, with one sentence, and no other links than to them", () => {
  const index = decisionIndex(folder);
  expect(index).toBe(readFileSync(join(folder, "README.md"), "utf8"));
  const decisions = decisionsIn(folder);
  expect(decisions.length).toBeGreaterThan(45);
  for (const { choice, file } of decisions) {
    expect(choice, file).toMatch(/[.!?][*_]{0,2}$/);
    expect(choice.length, file).toBeGreaterThan(12);
    expect(choice.length, file).toBeLessThan(600);
  }
});

test("of a choice the first sentence is told, with a point's label, without links and what a list says", async () => {
  const told = async (choice: string) => {
    const copy = await withPage(
      "9001-a-page.md",
      `# 9001. A page | of it\n\n**Context.** None.\n\n${choice}\n\n**Consequences.** None.\n`,
    );
    const decision = decisionsIn(copy).at(-1);
    expect(decisionIndex(copy)).toContain("| 9001 | [A page \\| of it](9001-a-page.md) |");
    return decision?.choice;
  };
  expect(await told("**Choice.** One\nsees [it](x.md), `a.b` and 0.5. Two follows.")).toBe("One sees it, `a.b` and 0.5.");
  expect(await told("**Choice.**\n\n*Label.* What it says. More.")).toBe("*Label.* What it says.");
  expect(await told("**Choice.** Three things:\n\n- one. Two.\n- three")).toBe("Three things.");
  expect(await told("**Choice.** The third. It is frozen. No more.")).toBe("The third. It is frozen.");
  expect(await told("## Choice\n\nOnly this.")).toBe("Only this.");
});

test("a page without title or choice, or with another's number, is refused by name", async () => {
  const good = "# 9001. A page\n\n**Choice.** This.\n";
  await expect(withPage("9001-a.md", good).then(decisionsIn)).resolves.toHaveLength(decisionsIn(folder).length + 1);
  await expect(withPage("9002-a.md", good).then(decisionsIn)).rejects.toThrow(/9002-a\.md/);
  await expect(withPage("9001-a.md", "# 9001. A page\n").then(decisionsIn)).rejects.toThrow(
    /9001-a\.md doesn't say what was chosen/,
  );
  await expect(withPage("9003-a.md", "**Choice.** This.\n").then(decisionsIn)).rejects.toThrow(/9003-a\.md has no title/);
  await expect(withPage("0001-again.md", "# 1. A page\n\n**Choice.** This.\n").then(decisionsIn)).rejects.toThrow(
    /two decisions 1/,
  );
});
