/** What a package says of itself decides what `doctor` says of a Node. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ownPackage, reachesNode } from "./own-package.ts";

test("versions are compared part by part, as numbers", () => {
  const reached = (version: string) => reachesNode(version, "22.19");
  expect(["22.19.0", "22.20.1", "23.0.0", "24.1", "100.0.0"].filter(reached)).toEqual([
    "22.19.0",
    "22.20.1",
    "23.0.0",
    "24.1",
    "100.0.0",
  ]);
  expect(["22.18.9", "22.9.0", "20.99.0", "9.22.19", "22"].filter(reached)).toEqual([]);
});

test("a checkout says no Node, for it brings one; what is published of it does", () => {
  const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    readonly version: string;
    readonly publishConfig: { readonly engines: { readonly node: string } };
  };
  expect(ownPackage).toEqual({ version: manifest.version, node: undefined });
  expect(manifest.publishConfig.engines.node).toMatch(/^>=\d+\.\d+$/);
});
