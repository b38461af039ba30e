/** Whose exact sampler draws the nodes' noise: ours, or OpenDP's, for whoever wants a second library's proof behind it. */
import type { Plan } from "@tributary/protocol";
import { Option } from "commander";
import { opendpPackage } from "./opendp-package.ts";

export interface SamplerOptions {
  readonly sampler: Plan["sampler"];
}

export const samplerOption = (): Option =>
  new Option("--sampler <name>", "who draws the noise: exact (ours), or opendp, which each node must have built")
    .choices(["exact", "opendp"])
    .default("exact");

/**
 * Before a log is read or a folder made: where this machine's nodes draw the noise, it has to be able to.
 * @throws TRB_OPENDP_NOT_BUILT, TRB_OPENDP_ARTEFACT_CHANGED
 */
export async function requireSampler({ sampler }: SamplerOptions): Promise<void> {
  if (sampler === "opendp") await (await opendpPackage()).openOpenDp();
}
