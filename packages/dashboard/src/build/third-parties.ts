/**
 * What others wrote and a built page hands on: by their licences their names and texts go along. Collected over the page's own scripts and those of its workers alike,
 * from what was really bundled; a file that is only linked to, as a WebAssembly is, counts.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

/** Folders of packages, as they are installed. */
export type ThirdParties = Set<string>;

/** Adds to `found` the package of every module that is bundled. */
export const collectThirdParties = (found: ThirdParties): Plugin => ({
  name: "tributary-third-parties",
  generateBundle() {
    for (const id of this.getModuleIds()) {
      const folder = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(id.replace(/^\0/, "").replaceAll("\\", "/"))?.[0];
      if (folder !== undefined && !/\/node_modules\/(vite|rolldown|@oxc-project\/runtime)$/.test(folder)) found.add(folder);
    }
  },
});

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly author?: string | { readonly name?: string };
}

/** `third-party-licences.md`: each package once, each text once, with all packages that it is of. */
export function licencesOf(found: ThirdParties): string {
  const packages = [...found].map((folder) => {
    const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
    const files = readdirSync(folder)
      .filter((name) => /^(licen[cs]e|copying|notice)(\.(md|txt|markdown))?$/i.test(name))
      .sort();
    const text = files.map((name) => readFileSync(join(folder, name), "utf8").replaceAll("\r", "").trim()).join("\n\n");
    return { title: `${manifest.name} ${manifest.version}`, text: text === "" ? withoutText(manifest) : text };
  });
  const sorted = packages.sort((a, b) => (a.title < b.title ? -1 : 1));
  const sections = [...Map.groupBy(sorted, ({ text }) => text)].map(
    ([text, of]) => `## ${[...new Set(of.map(({ title }) => title))].join(", ")}\n\n${text.replace(/^#/gm, "\\#")}`,
  );
  return `${["# What others wrote", ...sections].join("\n\n")}\n`;
}

/** Some packages name their licence and have no file of it. */
function withoutText({ license = "no licence stated", author }: Manifest): string {
  const who = typeof author === "string" ? author : author?.name;
  return `${license}${who === undefined ? "" : `, by ${who}`} (SPDX: https://spdx.org/licenses/${license}.html)`;
}
