import { defineErrors } from "../define.ts";

/** Of the web pages of coordinator and node. */
export const pagesErrors = defineErrors({
  TRB_PAGES_BUILD_FAILED: {
    message: "The {page} page can't be built: {reason}.",
    advice: "In a checkout, install all dependencies anew (`pnpm install`); everything but the page works without it.",
    status: 503,
    exitCode: 1,
  },
});
