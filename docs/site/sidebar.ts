/** Where each page of the handbook stands: to learn by, to do something, to look something up, to understand. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface Entry {
  readonly text: string;
  readonly link?: string;
  readonly collapsed?: boolean;
  readonly items?: readonly Entry[];
}

interface Part {
  readonly title: string;
  /** Pages from `docs`, without `.md`, and what they are called; or a part of a part. */
  readonly pages: readonly (readonly [page: string, title: string])[];
}

const parts: readonly Part[] = [
  { title: "Tutorial", pages: [["tutorial/first-hour", "The first hour"]] },
  {
    title: "How to",
    pages: [
      ["how-to/merchant", "For merchants"],
      ["how-to/platform", "For platforms"],
      ["how-to/auditor", "For auditors"],
      ["how-to/researcher", "For researchers"],
      ["importing", "Import a log"],
      ["catalogue", "Make a catalogue"],
      ["planning", "Make a plan"],
      ["policy", "Say what is permitted"],
      ["serving", "Answer a shop"],
      ["value", "See whether joining pays"],
      ["node-page", "Look at your node"],
      ["devices", "Take part as a device"],
      ["rounds", "Schedule rounds"],
      ["access", "Let operators in"],
      ["dashboard", "Watch a coordinator"],
      ["operate", "Run a coordinator"],
      ["replicas", "Run replicas"],
      ["observing", "Observe a coordinator"],
      ["chaos", "Storm a federation"],
      ["mutation-testing", "See what tests would miss"],
      ["extending", "Extend it"],
      ["releasing", "Make a release"],
      ["verify/README", "Verify with Python"],
    ],
  },
  {
    title: "Reference",
    pages: [
      ["reference/cli", "Command line"],
      ["cli", "The command as a tool"],
      ["reference/configuration", "Configuration"],
      ["reference/plan", "The plan"],
      ["plan-rules", "What guards a plan"],
      ["ledger", "The ledger"],
      ["protocol", "The protocol"],
      ["api", "The coordinator's API"],
      ["errors", "Errors"],
      ["models", "Models"],
      ["features", "Features"],
      ["store", "The store"],
      ["reference/dp", "The privacy library"],
      ["reference/opendp", "OpenDP as a sampler"],
      ["reference/packages", "API of the packages"],
    ],
  },
  {
    title: "Explanation",
    pages: [
      ["explanation/how-it-works", "How it works, in pictures"],
      ["explanation/what-dp-promises", "What DP promises, and what not"],
      ["security", "Security"],
      ["fuzzing", "Fuzzing"],
      ["native-parts", "Native parts"],
      ["explanation/comparison", "Beside other systems"],
      ["layout", "Where things are"],
    ],
  },
  {
    title: "Privacy, in depth",
    pages: [
      ["privacy/accounting", "What accountants promise"],
      ["privacy/rounding", "Why integers are private"],
      ["privacy/proofs", "Proofs"],
      ["privacy/periods", "ε in a period"],
      ["privacy/poisoning", "What one node can do"],
      ["privacy/auditing", "Audits"],
      ["privacy/timing", "Time and memory"],
    ],
  },
  {
    title: "Measured",
    pages: [
      ["performance", "Performance"],
      ["quality", "Quality"],
      ["utility", "What an ε buys"],
    ],
  },
];

const chinese: readonly Part[] = [
  { title: "教程", pages: [["zh/tutorial/first-hour", "第一个小时"]] },
  {
    title: "原理",
    pages: [
      ["zh/explanation/how-it-works", "图解工作原理"],
      ["zh/explanation/comparison", "与其他系统对比"],
    ],
  },
];

const heading = (path: string): string => /^# (.*)$/m.exec(readFileSync(path, "utf8"))?.[1] ?? path;

/** The parts, with those of their pages that there are. */
function entries(docs: string, all: readonly Part[]): Entry[] {
  return all.map(({ title, pages }) => ({
    text: title,
    items: pages.filter(([page]) => existsSync(join(docs, `${page}.md`))).map(([page, text]) => ({ text, link: `/${page}` })),
  }));
}

/** Each decision by its own heading; its number is its file's. */
function decisions(docs: string): Entry {
  const files = globSync("decisions/[0-9]*.md", { cwd: docs }).sort();
  const items = files.map((file) => ({
    text: `${Number(/\d+/.exec(file)?.[0])} ${heading(join(docs, file)).replace(/^\d+[.:]?\s*/, "")}`,
    link: `/${file.replace(/\.md$/, "")}`,
  }));
  const index = ["decisions/index", "decisions/README"].find((page) => existsSync(join(docs, `${page}.md`)));
  return { text: "Decisions", collapsed: true, items, ...(index === undefined ? {} : { link: `/${index}` }) };
}

/** @param docs the folder of the handbook */
export const sidebar = (docs: string): Entry[] => [...entries(docs, parts), decisions(docs)];

/** What there is in Chinese, and the way back to all of it. */
export const chineseSidebar = (docs: string): Entry[] => [
  ...entries(docs, chinese),
  { text: "英文手册", items: [{ text: "全部页面（英文）", link: "/" }] },
];
