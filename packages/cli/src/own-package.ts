/** What this package's own package.json says: in a checkout, and in what is published of it. */
import { readFileSync } from "node:fs";

interface Manifest {
  readonly version: string;
  /** Published packages alone have it, written `>=22.19`; a checkout runs sources, by the Node that its lockfile brings. */
  readonly engines?: { readonly node: string };
}

const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as Manifest;

/** `node`: the oldest Node that the package runs on, as `22.19`; undefined in a checkout. */
export const ownPackage: { readonly version: string; readonly node: string | undefined } = {
  version: manifest.version,
  node: manifest.engines?.node.replace(">=", ""),
};

/** Whether a version is at least another, part by part; parts that aren't there are 0. */
export function reachesNode(version: string, least: string): boolean {
  const [have, need] = [version, least].map((text) => text.split(".").map(Number)) as [number[], number[]];
  for (const [place, part] of need.entries()) {
    const difference = (have[place] ?? 0) - part;
    if (difference !== 0) return difference > 0;
  }
  return true;
}
