/** An example as a stranger has it: a copy of its folder outside of the repository, with what its package.json asks for. */
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
export const exampleNames = ["dp-alone", "tensor-alone", "shop-with-a-node"] as const;
export type ExampleName = (typeof exampleNames)[number];

export interface ExampleCopy {
  readonly folder: string;
  /** `@tributary/dp`, `fastify`: names and ranges. */
  readonly dependencies: Readonly<Record<string, string>>;
  remove(): void;
}

/** Without dependencies as yet. */
export function copyExample(name: ExampleName): ExampleCopy {
  const folder = mkdtempSync(join(tmpdir(), `tributary-example-${name}-`));
  cpSync(join(root, "examples", name), folder, { recursive: true });
  const { dependencies } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Pick<ExampleCopy, "dependencies">;
  return { folder, dependencies, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** What the example asks for, as it lies in this checkout: rooms as their sources, what others made as a room has it installed. */
export function linkWorkspace({ folder, dependencies }: ExampleCopy): void {
  for (const name of Object.keys(dependencies)) {
    const found = roomOf(name) ?? globSync(`{packages/*,client,coordinator}/node_modules/${name}`, { cwd: root })[0];
    if (found === undefined) throw new Error(`nothing here has ${name}`);
    const link = join(folder, "node_modules", name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(realpathSync(join(root, found)), link);
  }
}

/** The folder of a package of this repository. */
function roomOf(name: string): string | undefined {
  return globSync(["packages/*/package.json", "{dp,client,coordinator}/package.json"], { cwd: root })
    .filter((path) => (JSON.parse(readFileSync(join(root, path), "utf8")) as { readonly name: string }).name === name)
    .map((path) => dirname(path))[0];
}

export interface RunningExample {
  /** The first line that it printed, which is JSON. */
  readonly said: Promise<Record<string, unknown>>;
  /** All that it wrote on stderr so far. */
  stderr(): string;
  /** Asks it to end, and waits. @returns its exit code; null if a signal ended it */
  end(): Promise<number | null>;
  /** Its exit code, once it ends by itself. */
  readonly exited: Promise<number | null>;
}

/** Starts `npm start`'s file. */
export function startExample(folder: string, file: string, environment: Readonly<Record<string, string>> = {}): RunningExample {
  const child: ChildProcess = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", file], {
    ...{ cwd: folder, env: { ...process.env, ...environment }, stdio: ["ignore", "pipe", "pipe"] },
  });
  const errors: string[] = [];
  child.stderr?.on("data", (data) => errors.push(String(data)));
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  if (child.stdout === null) throw new Error("no stdout");
  const lines = createInterface({ input: child.stdout });
  const said = new Promise<Record<string, unknown>>((resolve, reject) => {
    lines.once("line", (line) => resolve(JSON.parse(line) as Record<string, unknown>));
    void exited.then((code) => reject(new Error(`${file} ended with ${code}: ${errors.join("")}`)));
  });
  return {
    ...{ said, exited, stderr: () => errors.join("") },
    async end() {
      child.kill("SIGTERM");
      return await exited;
    },
  };
}
