/** The built pages, as coordinator and node are handed them: a page is looked for (in a checkout: built) when somebody first opens it, and no command waits for it. */
import type { PageName } from "@tributary/dashboard";

/** The folder of each page. Each throws TRB_PAGES_BUILD_FAILED. */
export type BuiltPages = { readonly [Name in PageName]: () => Promise<string> };

export function builtPages(): BuiltPages {
  return { coordinator: once("coordinator"), node: once("node"), device: once("device") };
}

/** What failed is tried again the next time; what was built stays as it was then, for the life of the process. */
function once(name: PageName): () => Promise<string> {
  let folder: Promise<string> | undefined;
  return () => {
    folder ??= import("@tributary/dashboard")
      .then(({ builtPage }) => builtPage(name))
      .catch((error: unknown) => {
        folder = undefined;
        throw error;
      });
    return folder;
  };
}
