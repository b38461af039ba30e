/** What is mutated, and by which tests a mutant is judged: a package's own, and those of packages that would fall with it. */

export interface MutatedPackage {
  readonly name: string;
  /** Globs from the repository's root. */
  readonly sources: readonly string[];
  readonly tests: readonly string[];
}

export const mutatedPackages: readonly MutatedPackage[] = [
  { name: "dp", sources: ["dp/src/**/*.ts"], tests: ["dp/src/**/*.test.ts"] },
  {
    name: "secagg",
    sources: ["packages/secagg/src/**/*.ts"],
    tests: ["packages/secagg/src/**/*.test.ts", "packages/federation/src/**/*.test.ts"],
  },
  {
    name: "federation",
    sources: ["packages/federation/src/**/*.ts"],
    tests: ["packages/federation/src/**/*.test.ts"],
  },
];
