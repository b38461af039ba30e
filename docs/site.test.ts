/** The handbook as a site, before it is built: where links lead, which pages stand where, and what would be found of a site that is not in order. */
import { globSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { faultsOfSite } from "./site/built-site.ts";
import { shownDocuments, slug, targetOf } from "./site/links.ts";
import { chineseSidebar, type Entry, sidebar } from "./site/sidebar.ts";

const docs = fileURLToPath(new URL(".", import.meta.url)).replace(/\/$/, "");

test("a link to a page stays one, a link to source becomes its path, and one that leads nowhere is refused", () => {
  expect(targetOf(docs, "privacy/accounting.md", "../protocol.md#the-ledger")).toEqual({ link: "../protocol.md#the-ledger" });
  expect(targetOf(docs, "layout.md", "../packages/errors")).toEqual({ path: "packages/errors" });
  expect(targetOf(docs, "layout.md", "../README.md")).toEqual({ link: "./index.md" });
  expect(targetOf(docs, "zh/index.md", "../../README.zh.md")).toEqual({ link: "./index.md" });
  expect(targetOf(docs, "models.md", "../dp/README.md")).toEqual({ link: "./reference/dp.md" });
  expect(targetOf(docs, "reference/dp.md", "API.md")).toEqual({ path: "dp/API.md" }); // as dp/README.md has it
  expect(targetOf(docs, "verify/README.md", "verify.py")).toEqual({ link: "./verify.py" });
  expect(() => targetOf(docs, "layout.md", "nowhere.md")).toThrow("leads nowhere");
});

test("anchors are those of the place where the repository is read", () => {
  expect(slug("What an ε buys, and 2 more")).toBe("what-an-ε-buys-and-2-more");
  expect(slug("在各自的机器上")).toBe("在各自的机器上");
});

const linked = (entries: readonly Entry[]): string[] =>
  entries.flatMap(({ link, items = [] }) => [...(link === undefined ? [] : [link]), ...linked(items)]);

test("every page stands in a sidebar, once, and every entry of one is a page", () => {
  const pages = globSync("**/*.md", { cwd: docs })
    .filter((page) => !page.includes("node_modules") && !/^(zh\/)?index\.md$/.test(page))
    .map((page) => `/${page.replace(/\.md$/, "")}`);
  const shown = [...linked(sidebar(docs)), ...linked(chineseSidebar(docs)).filter((link) => link !== "/")];
  expect(shown.toSorted()).toEqual(pages.toSorted());
  expect(Object.keys(shownDocuments).map((page) => `/${page.replace(/\.md$/, "")}`)).toEqual(
    shown.filter((page) => ["/reference/dp", "/reference/opendp"].includes(page)),
  );
});

test("what a built site asks of others, and links into nothing, are found", () => {
  const folder = mkdtempSync(join(tmpdir(), "tributary-site-"));
  const write = (page: string, text: string) => {
    mkdirSync(dirname(join(folder, page)), { recursive: true });
    writeFileSync(join(folder, page), text);
  };
  try {
    write(
      "index.html",
      '<a href="/deep/page.html#here">in order</a><a href="https://elsewhere.example/">somebody may click</a><img src="a.svg">',
    );
    write("deep/page.html", '<h2 id="here">x</h2><a href="../index.html">back</a><a href="#here">x</a>');
    expect(faultsOfSite(folder)).toEqual([]);
    write(
      "index.html",
      '<script src="https://elsewhere.example/a.js"></script><a href="/deep/page.html#there">x</a><a href="none.html">x</a>',
    );
    write("deep/page.html", '<link rel="stylesheet" href="//fonts.example/a.css">');
    expect(faultsOfSite(folder).toSorted()).toEqual([
      "deep/page.html: <link> asks //fonts.example/a.css",
      "index.html: <script> asks https://elsewhere.example/a.js",
      "index.html: deep/page.html has no place there",
      "index.html: the link to none.html leads nowhere",
    ]);
    expect(faultsOfSite(folder, ["deep"])).toHaveLength(4); // whoever made a folder checks its links; what it asks counts all the same
  } finally {
    rmSync(folder, { recursive: true });
  }
});
