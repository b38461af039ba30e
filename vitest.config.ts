import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["{packages/*,dp,client,coordinator}/src/**/*.test.ts", "test/**/*.test.ts", "docs/**/*.test.ts"],
    // Two cores: the end-to-end tests start processes of their own.
    maxWorkers: 2,
    testTimeout: 30_000,
    reporters: ["default", "./test/skipped-reporter.ts"],
  },
});
