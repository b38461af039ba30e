/**
 * Builds one page with vite: `node build-page.ts PAGE FOLDER`. A process of its own, so that neither its time nor its memory is a server's, and
 * nothing but this reads vite. What compresses well lies there compressed as well (`.br`, `.gz`), for servers that hand out files as they are.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { build } from "vite";
import { packageFolder, repository } from "./built-page.ts";
import { type Page, type PageName, pages } from "./pages.ts";

/** Files below this many octets gain nothing from it. */
const leastCompressed = 1024;

async function buildPage(name: PageName, outDir: string): Promise<void> {
  const { folder }: Page = pages[name];
  await build({
    ...{ root: join(repository, folder), base: "./", configFile: false, envFile: false, publicDir: false },
    ...{ logLevel: "error", cacheDir: join(packageFolder, "node_modules/.vite", name) },
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    worker: { format: "es" },
    build: {
      ...{ outDir, emptyOutDir: true, target: "es2023", assetsInlineLimit: 0, reportCompressedSize: false },
      // the browsers of `target` know it, and the substitute would be one more script
      modulePreload: { polyfill: false },
      chunkSizeWarningLimit: 4096,
    },
  });
  for (const file of readdirSync(outDir, { recursive: true, encoding: "utf8" })) {
    if (!/\.(js|css|svg|json)$/.test(file)) continue;
    const content = readFileSync(join(outDir, file));
    if (content.length < leastCompressed) continue;
    writeFileSync(join(outDir, `${file}.br`), brotliCompressSync(content));
    writeFileSync(join(outDir, `${file}.gz`), gzipSync(content, { level: 9 }));
  }
}

const [name = "", folder = ""] = process.argv.slice(2);
if (!(name in pages) || folder === "") throw new Error("build-page.ts PAGE FOLDER");
await buildPage(name as PageName, folder);
