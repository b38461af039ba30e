import { configDefaults, defineConfig } from "vitest/config";

// `pnpm test:long` is mode "long": thousands of seeds where `pnpm test` takes tens, and the files `*.long.test.ts` besides.
export default defineConfig(({ mode }) => ({
  test: {
    include: ["{packages/*,dp,client,coordinator}/src/**/*.test.ts", "test/**/*.test.ts", "docs/**/*.test.ts"],
    exclude: [...configDefaults.exclude, ...(mode === "long" ? [] : ["**/*.long.test.ts"])],
    env: mode === "long" ? { TRIBUTARY_LONG: "1" } : {},
    // Two cores: the end-to-end tests start processes of their own.
    maxWorkers: 2,
    testTimeout: 30_000,
    reporters: ["default", "./test/skipped-reporter.ts"],
  },
}));
