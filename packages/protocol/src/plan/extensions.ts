/**
 * Code from outside that a plan uses: a file that brings a model, a server optimiser or a sum query. A plan names each by the SHA-256 of its
 * file, so everybody who accepts the plan means the same code; a node runs none whose hash its merchant has not written into its policy.
 */
import { z } from "zod";
import { sha256Hex } from "../identifiers.ts";

/** What an extension calls itself, and what a plan calls it by. */
export const extensionName = z
  .string()
  .regex(/^[a-z][a-zA-Z0-9-]{0,39}$/, "a letter from a to z, then up to 39 letters, digits and hyphens");

export const extensionSchema = z.strictObject({
  name: extensionName,
  /** Of the file's bytes. */
  sha256: sha256Hex,
});

export type PlanExtension = z.infer<typeof extensionSchema>;
