/** Room 12. The pages that coordinator and node show: what goes out is a folder of files for each. What runs in browsers is entered by the pages alone. */
export { builtPage } from "./build/built-page.ts";
export type { PageName } from "./build/pages.ts";
