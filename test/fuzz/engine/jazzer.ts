/**
 * Jazzer.js, begun: its native part loaded (a copy of it where the system's C library is older than it asks for), our sources instrumented as they are
 * loaded, and its own detectors off, which hook functions of Node's that no target uses. What is to be fuzzed is imported after this has settled.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire, registerHooks } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { OptionsManager } from "@jazzer.js/core";
import { instrumentSources } from "./instrumentation.ts";
import { forOlderGlibc } from "./older-glibc.ts";

/** Where runs keep what later ones go on from. Outside git. */
export const cacheFolder = fileURLToPath(new URL("../../../node_modules/.cache/fuzz", import.meta.url));

export interface Begun {
  readonly core: typeof import("@jazzer.js/core");
  readonly options: OptionsManager;
}

/**
 * @param libFuzzer options of libFuzzer's and corpus folders, the one that is written to first
 * @param instrumented of which files, by their paths, coverage is wanted
 */
export async function beginJazzer(
  libFuzzer: readonly string[],
  timeoutSeconds: number,
  instrumented: (path: string) => boolean,
): Promise<Begun> {
  loadableNativePart();
  const core = await import("@jazzer.js/core");
  const options = new core.OptionsManager(core.OptionSource.DefaultCLIOptions).merge(
    {
      ...{ fuzzerOptions: [...libFuzzer], timeout: timeoutSeconds * 1000, disableBugDetectors: ["."] },
      ...{ includes: ["*"], excludes: ["node_modules"] },
    },
    core.OptionSource.CommandLineArguments,
  );
  core.registerGlobals(options);
  instrumentSources(await core.initFuzzing(options), instrumented);
  return { core, options };
}

/** Has Jazzer load a copy for an older C library where its own library asks for a newer one than this system has. */
function loadableNativePart(): void {
  if (process.platform !== "linux") return;
  const core = createRequire(import.meta.url).resolve("@jazzer.js/core");
  const prebuilds = join(createRequire(core).resolve("@jazzer.js/fuzzer"), "..", "..", "prebuilds");
  const name = readdirSync(prebuilds).find((one) => one === `fuzzer-linux-${process.arch}.node`);
  if (name === undefined) throw new Error(`Jazzer has no library for ${process.platform} on ${process.arch}`);
  const own = join(prebuilds, name);
  if (loads(own)) return;
  const copy = join(cacheFolder, name);
  if (!existsSync(copy)) {
    mkdirSync(cacheFolder, { recursive: true });
    writeFileSync(`${copy}.${process.pid}`, forOlderGlibc(readFileSync(own)));
    renameSync(`${copy}.${process.pid}`, copy);
  }
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === own ? { url: pathToFileURL(copy).href, shortCircuit: true } : next(specifier, context),
  });
}

function loads(library: string): boolean {
  try {
    process.dlopen({ exports: {} }, library);
    return true;
  } catch (error) {
    if (error instanceof Error && /version `GLIBC/.test(error.message)) return false;
    throw error;
  }
}
