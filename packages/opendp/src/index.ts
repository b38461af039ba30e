/** Room 13. OpenDP's exact noise, the measurements that add it, and what they cost; optional, built by cargo on the machine that uses it. */
export { type ArtefactRecord, readArtefact } from "./artefact.ts";
export type { RandomSource } from "./entropy.ts";
export type { OpenDp } from "./library.ts";
export type { Measurement, WholeVector } from "./measurements.ts";
export { type BuiltOpenDp, openOpenDp } from "./open.ts";
export type { Fraction, NoiseSampler } from "./samplers.ts";
