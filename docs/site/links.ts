/**
 * Documents are read in three places: here on the site, in a checkout, and where the repository is hosted. A link that leads to source is right in the
 * last two; the site has pages only, so that there it becomes the path that it leads to (`TRIBUTARY_REPOSITORY=https://…/blob/main` at build time makes
 * links of these again). A link that leads nowhere fails the build.
 */
import { existsSync, statSync } from "node:fs";
import { dirname, join, posix, relative, resolve, sep } from "node:path";
import type { MarkdownOptions } from "vitepress";

type Markdown = Parameters<NonNullable<MarkdownOptions["config"]>>[0];

/** Pages that show a README of the repository: from the page to it, both from `docs`. */
export const shownDocuments: Readonly<Record<string, string>> = {
  "reference/dp.md": "../dp/README.md",
  "reference/opendp.md": "../packages/opendp/README.md",
};

/** Where documents that are no pages themselves are told on the site. */
const insteadOf: Readonly<Record<string, string>> = {
  "../README.md": "index.md",
  "../README.zh.md": "zh/index.md",
  ...Object.fromEntries(Object.entries(shownDocuments).map(([page, document]) => [document, page])),
};

/** Files of `docs` that are no pages and are handed out as they are. */
export const handedOut: readonly string[] = [
  "api/coordinator.openapi.json",
  "operations/alerts.yaml",
  "operations/tributary-coordinator.service",
  "operations/tributary-node.service",
  "operations/tributary-worker.service",
  "verify/verify.py",
];

/** What a link of a page becomes: another link, from that page; or the repository's path, which the site doesn't have. */
export type Target = { readonly link: string } | { readonly path: string };

/**
 * @param docs the folder of the handbook
 * @param page from there
 * @param link as the page has it, relative; with or without a place in the page
 * @throws where it leads nowhere
 */
export function targetOf(docs: string, page: string, link: string): Target {
  const [file = "", ...place] = link.split("#");
  const behind = place.length > 0 ? `#${place.join("#")}` : "";
  const shown = shownDocuments[page];
  const folders = [dirname(page), ...(shown === undefined ? [] : [dirname(shown)])];
  const found = folders.map((folder) => resolve(docs, folder, decodeURI(file))).find((path) => existsSync(path));
  if (found === undefined) throw new Error(`${page}: the link to ${link} leads nowhere`);
  // a folder's own page; a package's README is one only where the site shows it
  const isPage = (path: string): boolean => {
    const fromHere = relative(docs, path).split(sep).join(posix.sep);
    return !fromHere.startsWith("../") || Object.hasOwn(insteadOf, fromHere);
  };
  const index = ["index.md", "README.md"].map((name) => join(found, name)).find((path) => existsSync(path) && isPage(path));
  const target = statSync(found).isDirectory() && index !== undefined ? index : found;
  const fromDocs = relative(docs, target).split(sep).join(posix.sep);
  const told = insteadOf[fromDocs] ?? fromDocs;
  const isHere = !told.startsWith("../") && (told.endsWith(".md") || handedOut.includes(told));
  if (!isHere) return { path: posix.normalize(posix.join("docs", fromDocs)) };
  const between = posix.relative(posix.dirname(page), told);
  return { link: `${between.startsWith(".") ? between : `./${between}`}${behind}` };
}

/** Has markdown-it follow the above; `repository` is where paths of the repository can be read, if anywhere. */
export function repositoryLinks(docs: string, repository: string | undefined) {
  return (markdown: Markdown): void => {
    markdown.core.ruler.push("repository-links", (state) => {
      const page = String(state.env.relativePath ?? "");
      for (const token of state.tokens) {
        let closing: string | undefined;
        for (const child of token.children ?? []) {
          if (child.type === "link_close" && closing !== undefined) {
            Object.assign(child, { type: "html_inline", content: closing });
            closing = undefined;
          }
          const href = child.type === "link_open" ? child.attrGet("href") : null;
          if (href === null || /^([a-z]+:|#|\/)/i.test(href)) continue;
          const target = targetOf(docs, page, href);
          if ("link" in target) {
            child.attrSet("href", target.link);
            if (!/\.md(#|$)/.test(target.link)) child.attrSet("download", ""); // or it would be looked for among the pages
          } else if (repository !== undefined) child.attrSet("href", `${repository}/${target.path}`);
          else {
            Object.assign(child, { type: "html_inline", content: `<span class="path" title="${target.path}">` });
            closing = "</span>";
          }
        }
      }
    });
  };
}

/** Anchors as they are where repositories are hosted, so that a link into a page is right in both places. */
export const slug = (heading: string): string =>
  heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}\-_ ]/gu, "")
    .replaceAll(" ", "-");
