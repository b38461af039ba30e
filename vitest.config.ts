import { configDefaults, defineConfig } from "vitest/config";

// What Node itself loads, in the tests' workers and in the threads and processes that they start, is read as TypeScript once and kept.
process.env["NODE_COMPILE_CACHE"] ??= `${import.meta.dirname}/node_modules/.cache/compile`;

/** Rooms that are functions of their arguments: their tests share a worker, and its modules with it. */
const pure = "{dp,packages/{errors,events,federation,ledger,model,protocol,secagg,simulate,tensor}}/src/**/*.test.ts";

// `pnpm test:long` is mode "long": thousands of seeds where `pnpm test` takes tens, and the files `*.long.test.ts` besides.
export default defineConfig(({ mode }) => {
  const exclude = [...configDefaults.exclude, ...(mode === "long" ? [] : ["**/*.long.test.ts"])];
  return {
    test: {
      env: mode === "long" ? { TRIBUTARY_LONG: "1" } : {},
      // For two cores: most tests in real processes wait half of their time, for deadlines and for each other.
      maxWorkers: 3,
      // Of a machine that has other things to do as well.
      testTimeout: 60_000,
      hookTimeout: 60_000,
      reporters: ["default", "./test/skipped-reporter.ts"],
      // by name, so that what takes longest begins first, and what fills both cores by itself comes last
      projects: [
        {
          extends: true,
          test: {
            name: "across rooms",
            include: [
              "client/web/**/*.test.ts",
              "test/**/*.test.ts",
              "docs/**/*.test.ts",
              "{supply-chain,examples,release}/*.test.ts",
            ],
            exclude,
          },
        },
        {
          extends: true,
          // they close what they open: a worker reads the modules of these rooms once
          test: {
            name: "in shells",
            include: ["{packages/*,client,coordinator}/src/**/*.test.ts"],
            exclude: [...exclude, pure],
            isolate: false,
          },
        },
        { extends: true, test: { name: "pure", include: [pure], exclude, isolate: false } },
      ],
    },
  };
});
