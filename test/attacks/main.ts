/**
 * `pnpm test:attacks [--only PATTERN] [--record]`: runs all tests of this folder, the long ones too, and prints what was tried and whether it held.
 * Exits 0 only if everything was tried and held: what is skipped for want of a browser, say, is not held.
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startVitest, type TestCase, type TestModule, type Vitest } from "vitest/node";
import { summarise, type Tried } from "../security-run.ts";
import type {} from "./finding.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

const { values } = parseArgs({ options: { only: { type: "string" }, record: { type: "boolean", default: false } } });
const { only, record } = values;
process.exitCode = await attack();

async function attack(): Promise<0 | 1> {
  const begin = performance.now();
  const vitest = await startVitest(["test/attacks/"], {
    ...{ root, mode: "long", run: true, watch: false },
    // by its title or by its file's name
    ...(only === undefined ? {} : { testNamePattern: only }),
  });
  const modules = vitest.state.getTestModules();
  const tried = [...modules.flatMap(triedIn), ...unhandled(vitest)];
  await vitest.close();
  return summarise(
    {
      name: "attacks",
      what: "Attacks on nodes, coordinators, pages and what they write: what was tried, and what came of it",
      command: `pnpm test:attacks${only === undefined ? "" : ` --only ${only}`}`,
      seconds: (performance.now() - begin) / 1e3,
      tried,
    },
    { record },
  );
}

function triedIn(module: TestModule): Tried[] {
  const broken = module
    .errors()
    .map(({ message }) => ({ what: module.relativeModuleId, result: firstLine(message), held: false }));
  return [
    ...broken,
    ...[...module.children.allSuites()].flatMap(brokenSuite),
    ...[...module.children.allTests()].flatMap(triedBy),
  ];
}

function brokenSuite(suite: { readonly fullName: string; errors(): readonly { readonly message: string }[] }): Tried[] {
  return suite.errors().map(({ message }) => ({ what: suite.fullName, result: firstLine(message), held: false }));
}

/** What the test says that it tried; itself, where it says nothing, failed in another way, or was skipped. */
function triedBy(test: TestCase): Tried[] {
  const { tried = [] } = test.meta();
  const result = test.result();
  if (result.state === "passed") return tried.length > 0 ? tried : [{ what: test.fullName, result: "held", held: true }];
  if (result.state === "failed") {
    const told = tried.some(({ held }) => !held);
    const message = firstLine(result.errors[0]?.message ?? "");
    return told ? tried : [...tried, { what: test.fullName, result: `failed: ${message}`, held: false }];
  }
  // not chosen by --only
  if (result.state === "skipped" && only !== undefined && !test.fullName.match(only)) return [];
  const reason = result.state === "skipped" ? (result.note ?? "its title says why") : "it never ended";
  return [...tried, { what: test.fullName, result: `not tried: ${reason}`, held: false }];
}

function unhandled({ state }: Vitest): Tried[] {
  return state.getUnhandledErrors().map((error) => ({
    what: "an error that no test caught",
    result: firstLine(error instanceof Error ? error.message : String((error as { message?: unknown }).message ?? error)),
    held: false,
  }));
}

function firstLine(text: string): string {
  return text.split("\n")[0]?.slice(0, 300) ?? "";
}
