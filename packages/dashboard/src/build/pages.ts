/** The pages there are. A page is a folder with an `index.html`, from which its own scripts and styles are reached, and nothing else. */

export interface Page {
  /** Its folder, from the repository's root. */
  readonly folder: string;
  /** Folders that its scripts may come from, and files that decide what is made of them: a change there builds the page anew. */
  readonly sources: readonly string[];
  /** Files of `packages/errors/src/codes` that the page's code can throw from: the others' texts are left out. Default: all. */
  readonly errors?: readonly string[];
}

const shared = [
  "packages/dashboard/src/shared",
  "packages/dashboard/src/build",
  "packages/dashboard/package.json",
  "pnpm-lock.yaml",
];
const rooms = ["packages/errors/src", "packages/protocol/src", "packages/ledger/src", "dp/src"];

export const pages = {
  coordinator: {
    folder: "packages/dashboard/src/coordinator",
    sources: ["packages/dashboard/src/coordinator", ...shared, ...rooms],
    errors: ["certificate", "dp", "ledger", "protocol", "planner"],
  },
  node: {
    folder: "packages/dashboard/src/node",
    sources: ["packages/dashboard/src/node", ...shared, ...rooms],
  },
  device: {
    folder: "client/web",
    sources: [
      ...["client/web", "client/src", "client/package.json", "packages/dashboard/src/device"],
      ...["packages/events/src", "packages/tensor/src", "packages/model/src", "packages/secagg/src", "packages/federation/src"],
      ...shared,
      ...rooms,
    ],
  },
} satisfies Readonly<Record<string, Page>>;

export type PageName = keyof typeof pages;
