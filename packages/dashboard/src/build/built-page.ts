/**
 * Where a built page lies. A published package brings its pages along, in `dist/<page>`; in a checkout a page is built when it is first asked for, once
 * for what its sources are then: `dist/<page>-<hash>`. Several processes may ask at once: each builds into a folder of its own and renames it, and
 * whoever comes second takes what the first one made.
 */
import { spawn } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fail } from "@tributary/errors";
import { type Page, type PageName, pages } from "./pages.ts";

export const packageFolder = fileURLToPath(new URL("../..", import.meta.url));
export const repository = fileURLToPath(new URL("../../../..", import.meta.url));

/** Builds of other sources are removed when they are older, in milliseconds: a server that was started before a change still hands out its own. */
const keptBuilds = 7 * 24 * 3600_000;

/**
 * @returns the folder with the page's `index.html`
 * @throws TRB_PAGES_BUILD_FAILED
 */
export async function builtPage(name: PageName): Promise<string> {
  const page: Page = pages[name];
  const dist = join(packageFolder, "dist");
  if (!existsSync(join(repository, page.folder, "index.html"))) {
    const published = join(dist, name);
    if (existsSync(join(published, "index.html"))) return published;
    throw fail("TRB_PAGES_BUILD_FAILED", { page: name, reason: "this package was published without its pages" });
  }
  const folder = join(dist, `${name}-${sourcesHash(page)}`);
  if (existsSync(folder)) return folder;
  mkdirSync(dist, { recursive: true });
  const own = join(dist, `.building-${name}-${randomUUID()}`);
  try {
    await runBuild(name, own);
    publish(own, folder);
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
  removeOld(dist, name, folder);
  return folder;
}

/** Sixteen hex digits over paths and contents of all that a page may be made of; tests are no part of it. */
function sourcesHash({ sources }: Page): string {
  const hash = createHash("sha256");
  for (const source of sources) {
    const at = join(repository, source);
    const files = statSync(at).isFile() ? [""] : readdirSync(at, { recursive: true, encoding: "utf8" }).sort();
    for (const file of files) {
      const path = join(at, file);
      if (/(^|\/)node_modules\/|\.test\.tsx?$|\.test-support\.ts$/.test(file) || !statSync(path).isFile()) continue;
      const content = readFileSync(path);
      hash.update(`${source}/${file}\0${content.length}\0`).update(content);
    }
  }
  return hash.digest("hex").slice(0, 16);
}

function publish(own: string, folder: string): void {
  try {
    renameSync(own, folder);
  } catch (error) {
    // somebody else was first, with the same sources
    if (!existsSync(join(folder, "index.html"))) throw error;
  }
}

function removeOld(dist: string, name: PageName, current: string): void {
  for (const entry of readdirSync(dist)) {
    const path = join(dist, entry);
    const isOne = entry.startsWith(`${name}-`) || entry.startsWith(`.building-${name}-`);
    if (!isOne || path === current) continue;
    const changed = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY;
    if (Date.now() - changed > keptBuilds) rmSync(path, { recursive: true, force: true });
  }
}

function runBuild(name: PageName, folder: string): Promise<void> {
  const script = fileURLToPath(new URL("build-page.ts", import.meta.url));
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", script, name, folder], {
    // vite's own defaults hang on it, and a test's would leave the page unoptimised
    env: { ...process.env, NODE_ENV: "production", NODE_OPTIONS: "" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (chunk) => {
    said = `${said}${chunk}`.slice(0, 4000);
  });
  return new Promise((resolve, reject) => {
    const failed = (reason: string) => reject(fail("TRB_PAGES_BUILD_FAILED", { page: name, reason }));
    child.once("error", (error) => failed(error.message));
    child.once("close", (code) => (code === 0 ? resolve() : failed(said.trim() || `exit code ${code}`)));
  });
}
