/**
 * Keeps the documents true, as part of `pnpm check`: TypeScript examples compile, the program takes `tributary` examples as they
 * stand there, relative links lead somewhere, docs/errors.md is what the error table says, docs/plan-rules.md what guards the fields of plans, docs/reference/plan.md
 * what its schema says, docs/reference/cli.md what the commands say, docs/api what the coordinator's routes say, and dp/API.md what its docstrings say (`--write` makes all of them anew, `--generated` looks at nothing but them and links).
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { openApiDocument } from "@tributary/coordinator";
import { errorTable } from "@tributary/errors";
import { apiReference } from "./api-reference.ts";
import { cliReference } from "./cli-reference.ts";
import { type CommandBlock, commandBlocks, documentsOf, tributaryWords } from "./commands/blocks.ts";
import { faultOf, withOptions } from "./commands/parse.ts";
import { decisionIndex } from "./decision-index.ts";
import { figurePage, figurePages } from "./figures.ts";
import { planReference } from "./plan-reference.ts";
import { planRulesDocument } from "./plan-rules.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const examples = join(root, "docs", ".examples");
const documents = documentsOf(root);

interface Block {
  readonly document: string;
  readonly line: number;
  readonly language: string;
  readonly text: string;
}

const problems: string[] = [];
const blocks = documents.flatMap(blocksOf);
if (!process.argv.includes("--generated")) checkTypes(blocks.filter((block) => block.language === "ts"));
if (!process.argv.includes("--generated")) for (const block of commandBlocks(root)) await checkCommands(block);
for (const document of documents) checkLinks(document);
checkErrorReference();
checkMade("docs/plan-rules.md", planRulesDocument(), "the rules say");
checkMade("docs/reference/cli.md", cliReference(), "the commands say");
checkMade("docs/reference/plan.md", planReference(), "the schema of plans says");
checkMade(
  "docs/api/coordinator.openapi.json",
  `${JSON.stringify(openApiDocument(), null, 2)}\n`,
  "the coordinator's routes say",
);
checkApiReference("dp");
checkMade("docs/decisions/README.md", decisionIndex(join(root, "docs", "decisions")), "the decisions' pages say");
for (const page of figurePages) checkMade(page, figurePage(root, page), "docs/measurements says");

if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exit(1);
}
console.log(`${documents.length} documents, ${blocks.length} examples: in order`);

function blocksOf(document: string): Block[] {
  const found: Block[] = [];
  const lines = readFileSync(join(root, document), "utf8").split("\n");
  for (let i = 0; i < lines.length; i++) {
    const fence = /^```(\w+)\s*$/.exec(lines[i] ?? "");
    if (!fence) continue;
    const start = i + 1;
    while (++i < lines.length && lines[i] !== "```");
    found.push({ document, line: start + 1, language: fence[1] ?? "", text: lines.slice(start, i).join("\n") });
  }
  return found;
}

/** Every example is a module of its own. */
function checkTypes(typed: readonly Block[]): void {
  if (typed.length === 0) return;
  rmSync(examples, { recursive: true, force: true });
  mkdirSync(examples, { recursive: true });
  typed.forEach((block, place) => {
    writeFileSync(join(examples, `example-${place}.ts`), `// ${block.document}:${block.line}\n${block.text}\nexport {};\n`);
  });
  const configuration = { extends: "../../tsconfig.json", compilerOptions: { noUnusedLocals: false }, include: ["*.ts"] };
  writeFileSync(join(examples, "tsconfig.json"), JSON.stringify(configuration));
  const { status, stdout } = spawnSync(join(root, "node_modules/.bin/tsc"), ["--noEmit", "-p", examples], { encoding: "utf8" });
  if (status !== 0) {
    const named = stdout.replace(
      /(?:docs\/\.examples\/)?example-(\d+)\.ts/g,
      (_, place: string) => `${typed[Number(place)]?.document} (example ${place})`,
    );
    problems.push(named.trim());
  }
  rmSync(examples, { recursive: true, force: true });
}

async function checkCommands({ document, line, commands, class: name, detail }: CommandBlock): Promise<void> {
  for (const command of commands) {
    const words = tributaryWords(command);
    const fault = words === undefined ? undefined : await faultOf(name === "long" ? withOptions(words, detail) : words);
    if (fault !== undefined) problems.push(`${document}:${line}: ${fault}: ${command}`);
  }
}

function checkLinks(document: string): void {
  for (const [, target] of readFileSync(join(root, document), "utf8").matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
    if (target === undefined || /^[a-z]+:/.test(target)) continue;
    const path = join(root, dirname(document), target);
    if (!existsSync(path)) problems.push(`${document}: the link to ${target} leads nowhere (${relative(root, path)})`);
  }
}

function checkErrorReference(): void {
  const cell = (text: string) => text.replaceAll("|", "\\|");
  const rows = Object.entries(errorTable)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([code, row]) =>
        `| <a id="${code}"></a>\`${code}\` | ${cell(row.message)} | ${cell(row.advice)} | ${row.status} | ${row.exitCode} |`,
    );
  const text = [
    "# Errors",
    "",
    "Made from `packages/errors` by `node docs/check-examples.ts --write`. Exit codes: 1 failed, 2 wrong usage, 3 refused by privacy policy, 4 verification failed.",
    "",
    "| code | message | what to do | HTTP | exit |",
    "| --- | --- | --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
  checkMade("docs/errors.md", text, "the error table says");
}

function checkApiReference(room: string): void {
  const { text, undocumented } = apiReference(join(root, room));
  for (const name of undocumented) problems.push(`${room}/src/${name} has no docstring`);
  checkMade(`${room}/API.md`, text, "its docstrings say");
}

/** A document that is made from the code, or is as the code would make it. */
function checkMade(document: string, text: string, source: string): void {
  const path = join(root, document);
  if (process.argv.includes("--write")) writeFileSync(path, text);
  else if (!existsSync(path) || readFileSync(path, "utf8") !== text)
    problems.push(`${document} is not what ${source}: run \`node docs/check-examples.ts --write\``);
}
