/**
 * Builds one page with vite: `node build-page.ts PAGE FOLDER`. A process of its own, so that neither its time nor its memory is a server's, and
 * nothing but this reads vite. What compresses well lies there compressed as well (`.br`, `.gz`), for servers that hand out files as they are.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { build, type Plugin } from "vite";
import { packageFolder, repository } from "./built-page.ts";
import { type Page, type PageName, pages } from "./pages.ts";
import { collectThirdParties, licencesOf, type ThirdParties } from "./third-parties.ts";

/** Files below this many octets gain nothing from it. */
const leastCompressed = 1024;

/**
 * Leaves the error texts of other rooms out of a page, which are a third of its weight, and refuses to build one that could throw what it has no text for.
 * @param kept files of `packages/errors/src/codes`
 */
function errorsOf(kept: readonly string[]): Plugin {
  return {
    name: "tributary-errors",
    enforce: "pre",
    transform(code, id) {
      const file = /\/packages\/errors\/src\/codes\/([a-z-]+)\.ts$/.exec(id)?.[1];
      if (file === undefined || kept.includes(file)) return undefined;
      const table = /export const (\w+) =/.exec(code)?.[1];
      if (table === undefined) throw new Error(`${id} exports no table of errors`);
      return { code: `export const ${table} = {};`, map: null };
    },
    generateBundle(_options, bundle) {
      for (const chunk of Object.values(bundle)) {
        if (chunk.type !== "chunk" || !chunk.code.includes("TRB_LEDGER_")) continue;
        const named = new Set(chunk.code.match(/(?<=["'`])TRB_[A-Z0-9_]+(?=["'`])/g));
        const missing = [...named].filter((one) => !new RegExp(`\\b${one}:`).test(chunk.code));
        if (missing.length > 0) throw new Error(`${chunk.fileName} has no text for ${missing.join(", ")}`);
      }
    },
  };
}

/** These rooms do nothing by being imported, so that what a page doesn't use of them is left out. */
const treeshake = { moduleSideEffects: (id: string) => !/\/(packages\/(errors|protocol|ledger)|dp)\/src\//.test(id) };

async function buildPage(name: PageName, outDir: string): Promise<void> {
  const { folder, errors }: Page = pages[name];
  const thirdParties: ThirdParties = new Set();
  const plugins = () => [collectThirdParties(thirdParties), ...(errors === undefined ? [] : [errorsOf(errors)])];
  await build({
    ...{ root: join(repository, folder), base: "./", configFile: false, envFile: false, publicDir: false },
    ...{ logLevel: "error", cacheDir: join(packageFolder, "node_modules/.vite", name) },
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    plugins: plugins(),
    worker: { format: "es", plugins, rolldownOptions: { treeshake } },
    build: {
      ...{ outDir, emptyOutDir: true, target: "es2023", assetsInlineLimit: 0, reportCompressedSize: false },
      // the browsers of `target` know it, and the substitute would be one more script
      modulePreload: { polyfill: false },
      chunkSizeWarningLimit: 4096,
    },
  });
  writeFileSync(join(outDir, "third-party-licences.md"), licencesOf(thirdParties));
  for (const file of readdirSync(outDir, { recursive: true, encoding: "utf8" })) {
    if (!/\.(js|css|svg|json|wasm)$/.test(file)) continue;
    const content = readFileSync(join(outDir, file));
    if (content.length < leastCompressed) continue;
    writeFileSync(join(outDir, `${file}.gz`), gzipSync(content, { level: 9 }));
    // brotli would save a third of the device's runtime, and take twenty seconds
    if (!file.endsWith(".wasm")) writeFileSync(join(outDir, `${file}.br`), brotliCompressSync(content));
  }
}

const [name = "", folder = ""] = process.argv.slice(2);
if (!(name in pages) || folder === "") throw new Error("build-page.ts PAGE FOLDER");
await buildPage(name as PageName, folder);
