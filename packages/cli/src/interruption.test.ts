/** Ctrl-C, of processes of their own. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";

/** A command that takes long, interrupted once it says that it has begun. */
async function interrupted(path: string, listens = false) {
  const at = (file: string) => JSON.stringify(new URL(file, import.meta.url).href);
  const script = `
    import { announceInterruption } from ${at("interruption.ts")};
    import { printError } from ${at("output.ts")};
    announceInterruption(${JSON.stringify(path)}, async (error) => void printError(false, error));
    if (${listens}) process.on("SIGINT", () => { console.log("its own"); process.exit(0); });
    setInterval(() => {}, 1000);
    console.log("begun");
  `;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], { stdio: ["ignore", "pipe", "pipe"] });
  let [said, told] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
    if (text.includes("begun")) child.kill("SIGINT");
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    told += text;
  });
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  return { said, told, code, signal };
}

test("an interrupted command ends with 130 and says what is left of its work", { timeout: 60_000 }, async () => {
  const scale = await interrupted("simulate scale");
  expect(scale.signal).toBe("SIGINT"); // which shells call 130
  expect(scale.told).toMatch(
    /TRB_CLI_STOPPED {2}`tributary simulate scale` was interrupted: its rounds up to the last checkpoint are kept/,
  );
  expect(scale.told).toContain("what to do: ");
  expect((await interrupted("plan new")).told).toContain("nothing is half-written");
});

test("commands that listen themselves, and those that can't, end in their own way", { timeout: 60_000 }, async () => {
  expect(await interrupted("node start", true)).toMatchObject({ said: "begun\nits own\n", told: "", code: 0 });
  expect(await interrupted("bench dp")).toMatchObject({ told: "", signal: "SIGINT" });
});
