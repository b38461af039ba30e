/** The handbook as a site: `pnpm docs:build` writes docs/.vitepress/dist, which any server of files can serve and which asks nobody else for anything. */
import { cpSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type DefaultTheme, defineConfig } from "vitepress";
import { handedOut, repositoryLinks, slug } from "../site/links.ts";
import { chineseSidebar, type Entry, sidebar } from "../site/sidebar.ts";

const docs = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

const items = (entries: readonly Entry[]): DefaultTheme.SidebarItem[] =>
  entries.map(({ items: below, ...entry }) => (below === undefined ? entry : { ...entry, items: items(below) }));

/** Chinese has no blanks between words. It runs in the browser as it stands here, so that it stands on nothing else. */
function wordsOfBothLanguages(text: string): string[] {
  return text.split(/[\n\r\p{Z}\p{P}]+/u).flatMap((word) => {
    if (!/\p{Script=Han}/u.test(word)) return [word];
    return Array.from(new Intl.Segmenter("zh", { granularity: "word" }).segment(word), ({ segment }) => segment);
  });
}

export default defineConfig({
  title: "Tributary",
  description: "Merchants train one shopping-behaviour model together, and no log leaves a merchant.",
  cleanUrls: false, // the site is files: it works from any server and any folder of one
  base: process.env["TRIBUTARY_DOCS_BASE"] ?? "/",
  lastUpdated: false,
  vite: { build: { chunkSizeWarningLimit: 4000 } }, // the search index is one chunk, loaded when somebody searches
  markdown: {
    config: repositoryLinks(docs, process.env["TRIBUTARY_REPOSITORY"]),
    anchor: { slugify: slug },
    headers: { slugify: slug },
    toc: { slugify: slug },
  },
  themeConfig: {
    search: {
      provider: "local",
      options: {
        miniSearch: { options: { tokenize: wordsOfBothLanguages } },
        locales: {
          zh: {
            translations: {
              button: { buttonText: "搜索", buttonAriaLabel: "搜索" },
              modal: {
                noResultsText: "没有找到",
                resetButtonTitle: "清除",
                footer: { selectText: "选择", navigateText: "切换", closeText: "关闭" },
              },
            },
          },
        },
      },
    },
    outline: { level: [2, 3] },
  },
  locales: {
    root: {
      label: "English",
      lang: "en",
      themeConfig: {
        i18nRouting: false, // few pages are in Chinese: the switch leads to their beginning, and back from each to the same page
        nav: [
          { text: "First hour", link: "/tutorial/first-hour" },
          { text: "In pictures", link: "/explanation/how-it-works" },
          { text: "Commands", link: "/reference/cli" },
          { text: "Errors", link: "/errors" },
        ],
        sidebar: items(sidebar(docs)),
      },
    },
    zh: {
      label: "简体中文",
      lang: "zh-CN",
      description: "多个商家共同训练一个购物行为模型，任何日志都不离开商家。",
      themeConfig: {
        nav: [
          { text: "第一个小时", link: "/zh/tutorial/first-hour" },
          { text: "图解原理", link: "/zh/explanation/how-it-works" },
          { text: "命令（英文）", link: "/reference/cli" },
        ],
        sidebar: items(chineseSidebar(docs)),
        outline: { level: [2, 3], label: "本页内容" },
        docFooter: { prev: "上一页", next: "下一页" },
        darkModeSwitchLabel: "外观",
        lightModeSwitchTitle: "浅色",
        darkModeSwitchTitle: "深色",
        sidebarMenuLabel: "目录",
        returnToTopLabel: "回到顶部",
        langMenuLabel: "语言",
      },
    },
  },
  buildEnd: ({ outDir }) => {
    for (const file of handedOut) {
      mkdirSync(dirname(join(outDir, file)), { recursive: true });
      cpSync(join(docs, file), join(outDir, file));
    }
  },
});
