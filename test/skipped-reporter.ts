/** `pnpm test` ends by listing what was skipped, and why: the reason stands in the test's title. */
import type { Reporter, TestModule } from "vitest/node";

class SkippedReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const skipped = modules.flatMap((module) =>
      [...module.children.allTests("skipped")].map((test) => `${module.relativeModuleId}: ${test.fullName}`),
    );
    console.log(skipped.length === 0 ? "\nSkipped: nothing" : `\nSkipped:\n${skipped.map((line) => `  ${line}`).join("\n")}`);
  }
}

// biome-ignore lint/style/noDefaultExport: vitest loads a reporter by its default export
export default SkippedReporter;
