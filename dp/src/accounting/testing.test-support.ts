import { expect } from "vitest";

export const coded = (code: string) => expect.objectContaining({ code });

export const relative = (value: number, expected: number): number => Math.abs(value / expected - 1);

/** `pnpm test:long`: thousands of parameter sets. */
export const long = process.env["TRIBUTARY_LONG"] === "1";

/** Milliseconds that a test of many parameter sets may take. */
export const patience = long ? 1_800_000 : 60_000;
