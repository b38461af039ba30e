/** Releases on the command line: `mechanism=laplace,noise=10,steps=3`. */
import { fail } from "@tributary/errors";

export const mechanisms = ["gaussian", "discrete-gaussian", "integer-gaussian", "lattice-gaussian", "laplace"] as const;
export type Mechanism = (typeof mechanisms)[number];

export interface Release {
  readonly mechanism: Mechanism;
  readonly samplingRate: number;
  readonly noise: number;
  readonly steps: number;
  readonly group: number;
  /** Of `integer-gaussian`. */
  readonly sensitivity: number;
  /** Of `lattice-gaussian`: σ in integer units. */
  readonly deviation?: number;
  /** Of `lattice-gaussian`: most coordinates that one customer moves. */
  readonly touched?: number;
}

export const releaseForm =
  "noise=Z[,sampling-rate=Q][,steps=T][,mechanism=NAME][,sensitivity=D][,deviation=σ,touched=M][,group=K]";

const numbers = {
  "sampling-rate": "samplingRate",
  noise: "noise",
  steps: "steps",
  group: "group",
  sensitivity: "sensitivity",
  deviation: "deviation",
  touched: "touched",
} as const;

/** One release; the option may be given again. @throws TRB_CLI_BAD_OPTION */
export function parseReleases(text: string): Release[] {
  const release: { -readonly [K in keyof Release]?: Release[K] } = {};
  for (const part of text.split(",")) {
    const [key, value] = split(part);
    const mechanism = mechanisms.find((name) => name === value);
    if (key === "mechanism" && mechanism) release.mechanism = mechanism;
    else if (isNumberKey(key) && value.trim() !== "" && Number.isFinite(Number(value))) release[numbers[key]] = Number(value);
    else refuse(part);
  }
  const { noise, mechanism = "gaussian", samplingRate = 1, steps = 1, group = 1, sensitivity = 1, ...lattice } = release;
  if (noise === undefined) return refuse(text);
  return [{ mechanism, samplingRate, noise, steps, group, sensitivity, ...lattice }];
}

const isNumberKey = (key: string): key is keyof typeof numbers => Object.hasOwn(numbers, key);

function split(part: string): [string, string] {
  const at = part.indexOf("=");
  return at < 0 ? [part.trim(), ""] : [part.slice(0, at).trim(), part.slice(at + 1).trim()];
}

function refuse(value: string): never {
  throw fail("TRB_CLI_BAD_OPTION", { option: "--release", value: value.slice(0, 80) || "empty", expected: releaseForm });
}
