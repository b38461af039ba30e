/** What a stranger does with what was installed: the command, a federation of processes with its page, the examples, a TypeScript program of every entry. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Installed } from "./installed.ts";
import type { PublishedPackage } from "./packages.ts";
import type { ReadmeExample } from "./readmes.ts";

const tributary = (installed: Installed, words: readonly string[], codes: readonly number[] = [0]): string =>
  installed.run("npx", ["--no-install", "tributary", ...words], { codes });

/** Every noun's help, what `doctor` finds, and the version. @returns what was found */
export function tryCommand(installed: Installed, version: string): string {
  const help = tributary(installed, ["--help"]);
  const nouns = Array.from(help.matchAll(/^ {2}([a-z]+)(?= .*| *$)/gm), ([, noun]) => noun as string).filter(
    (noun) => noun !== "help",
  );
  if (nouns.length < 14) throw new Error(`--help names ${nouns.length} commands:\n${help}`);
  for (const noun of nouns) tributary(installed, [noun, "--help"]);
  if (tributary(installed, ["--version"]).trim() !== version) throw new Error("--version isn't the package's");
  const doctor = JSON.parse(tributary(installed, ["doctor", "--json"])) as {
    readonly findings: readonly { readonly state: string }[];
  };
  const absent = doctor.findings.filter(({ state }) => state === "absent").length;
  return `${nouns.length} commands have help; doctor: ${doctor.findings.length - absent} present, ${absent} absent, nothing broken`;
}

/** The main job, and what it leaves verified by its own command. @returns its last lines */
export function tryDemo(installed: Installed): string {
  const printed = tributary(installed, ["demo", "--rounds", "5", "--out", "demo"]);
  if (!/ledger verified: 7 entries/.test(printed)) throw new Error(`the demo's ledger isn't verified:\n${printed}`);
  const key = /^\s+key ([0-9a-f]{64})$/m.exec(printed)?.[1] ?? "";
  const verified = tributary(installed, ["ledger", "verify", join("demo", "ledger.jsonl"), "--key", key]);
  if (!/^ledger/.test(verified)) throw new Error(verified);
  const lines = printed
    .trim()
    .split("\n")
    .filter((line) => /^(ε spent|rounds|merchants|✔)/.test(line));
  return [...lines, verified.split("\n")[0]].join("\n");
}

/** Simulations on several threads: their entries are started by address. */
export function trySimulation(installed: Installed): string {
  const printed = tributary(installed, ["simulate", "--merchants", "3", "--rounds", "2", "--runs", "runs"]);
  if (!/ledger verified: 4 entries/.test(printed)) throw new Error(`the simulation's ledger isn't verified:\n${printed}`);
  return printed.split("\n").find((line) => line.includes("ledger verified")) ?? "";
}

/** A coordinator that serves, a merchant that joins and imports, and both their pages as a browser asks for them. */
export async function tryServers(installed: Installed): Promise<string> {
  tributary(installed, ["simulate", "--market-out", "market"]);
  const plan = [
    "--catalogue",
    "market/catalogue.jsonl",
    "--customers",
    "3000",
    "--merchants",
    "3",
    "--epsilon",
    "8",
    "--delta",
    "1e-6",
  ];
  tributary(installed, ["plan", "new", "--home", "platform", "--federation", "shops", ...plan, "--out", "plan.json"]);
  const serving = [
    "--home",
    "platform",
    "--plan",
    "plan.json",
    "--catalogue",
    "market/catalogue.jsonl",
    "--port",
    "0",
    "--json",
  ];
  const coordinator = await started(installed, ["coordinator", "start", ...serving]);
  try {
    const files = await pageFiles(new URL(coordinator.url));
    const device = await pageFiles(new URL("/device/", coordinator.url));
    const invited = tributary(installed, [
      "coordinator",
      "invite",
      "--home",
      "platform",
      "--node",
      "shop-1",
      "--url",
      coordinator.url,
      "--json",
    ]);
    tributary(installed, [
      "node",
      "join",
      (JSON.parse(invited) as { readonly invite: string }).invite,
      "--home",
      "shop",
      "--json",
    ]);
    tributary(installed, ["node", "import", "market/events.csv", "--home", "shop", "--json"]);
    const page = await started(installed, ["node", "page", "--home", "shop", "--port", "0", "--json"]);
    try {
      const own = await pageFiles(new URL("/", page.url));
      return `a merchant joined and imported; pages of ${files}, ${device} and ${own} files were served`;
    } finally {
      await stopped(page.process);
    }
  } finally {
    await stopped(coordinator.process);
  }
}

interface Server {
  readonly process: ChildProcess;
  readonly url: string;
}

/** A command that goes on running, once its first line says where it listens. */
async function started(installed: Installed, words: readonly string[]): Promise<Server> {
  const process = installed.start("node", [
    "--disable-warning=ExperimentalWarning",
    "node_modules/tributary/dist/main.js",
    ...words,
  ]);
  let said = "";
  process.stderr?.on("data", (chunk: Buffer) => {
    said = `${said}${chunk}`.slice(-4000);
  });
  if (process.stdout === null) throw new Error("no stdout");
  for await (const line of createInterface(process.stdout)) {
    const { url, link } = JSON.parse(line) as { readonly url?: string; readonly link?: string };
    const address = url ?? link;
    if (address !== undefined) return { process, url: address };
  }
  throw new Error(`${words.join(" ")} ended:\n${said}`);
}

async function stopped(process: ChildProcess): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null) return;
  process.kill("SIGTERM");
  await once(process, "close");
}

/** Asks for a page and for all that it names. @returns how many files those are */
async function pageFiles(url: URL): Promise<number> {
  const html = await (await answerOf(url)).text();
  const named = Array.from(html.matchAll(/(?:src|href)="(\.\/[^"]+)"/g), ([, path]) => path as string);
  if (named.length < 3) throw new Error(`${url} is no page:\n${html.slice(0, 500)}`);
  for (const path of named) await (await answerOf(new URL(path, url))).arrayBuffer();
  return 1 + named.length;
}

async function answerOf(url: URL): Promise<Response> {
  const answer = await fetch(url);
  if (answer.status !== 200) throw new Error(`${url.pathname} was answered with ${answer.status}`);
  return answer;
}

/** The examples of the packages' READMEs, which must print what stands there. */
export function tryExamples(installed: Installed, examples: readonly ReadmeExample[]): string {
  for (const { name, source, output } of examples) {
    const words = [
      "--disable-warning=ExperimentalWarning",
      "--experimental-strip-types",
      "--input-type=module-typescript",
      "--eval",
      source,
    ];
    const printed = installed.run("node", words);
    if (printed !== output) throw new Error(`the example of ${name} prints\n${printed}instead of\n${output}`);
  }
  return `${examples.length} examples print what their READMEs say`;
}

/**
 * Packages of others whose own declarations don't compile without `skipLibCheck`, whoever imports them: they name what they don't export (pg-boss), want the
 * browser's types beside Node's (@webgpu/types, tfjs), or `Long`, which they don't bring.
 */
const faulty = ["pg-boss", "@webgpu/types", "@tensorflow/tfjs-core"];

/** A strict program that imports every entry, and the READMEs' examples, held to the declarations of everything that they lead to. */
export function tryTypes(
  installed: Installed,
  packages: readonly PublishedPackage[],
  examples: readonly ReadmeExample[],
): string {
  const entries = packages.flatMap(({ manifest: { name, publishConfig } }) =>
    Object.keys(publishConfig.exports).map((subpath) => `${name}${subpath.slice(1)}`),
  );
  const folder = join(installed.folder, "types");
  mkdirSync(folder, { recursive: true });
  const imports = entries.map((entry, place) => `import * as entry${place} from ${JSON.stringify(entry)};`);
  const uses = entries.map((_, place) => `entry${place}`);
  writeFileSync(join(folder, "all.ts"), `${imports.join("\n")}\nconsole.log([${uses.join(", ")}].length);\n`);
  for (const [place, { source }] of examples.entries()) writeFileSync(join(folder, `example${place}.ts`), source);
  const compilerOptions = {
    ...{ strict: true, noEmit: true, module: "nodenext", target: "es2024", lib: ["es2024"], types: ["node"] },
    ...{ skipLibCheck: false, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true },
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
  const printed = installed.run("npx", ["--no-install", "tsc", "--project", "types", "--pretty", "false"], {
    codes: [0, 1, 2],
  });
  const errors = printed.split("\n").filter((line) => /: error TS\d+: /.test(line));
  const ours = errors.filter((line) => !faulty.some((name) => line.startsWith(`node_modules/${name}/`)));
  if (ours.length > 0) throw new Error(ours.slice(0, 20).join("\n"));
  return `${entries.length} entries and ${examples.length} examples compile with skipLibCheck: false (${errors.length} errors are within ${faulty.length} packages of others)`;
}
