/**
 * Versions of the protocol, `major.minor`. A build speaks one major and all its minors up to its own. Two parties speak the lower of
 * their minors: a sender leaves out what the other doesn't know, so that unknown keys can be refused always. Within a major,
 * the greeting, the vote and the news of the ledger never change, and no minor drops a check that privacy rests on.
 */
import { fail } from "@tributary/errors";
import { z } from "zod";

/** The newest version that this build speaks. */
export const protocolVersion = "1.0";
/** What everybody of this major speaks: news of the ledger are in it, and ledger entries that name no version. */
export const baseVersion = "1.0";

export const versionText = z
  .string()
  .regex(/^(0|[1-9][0-9]{0,3})\.(0|[1-9][0-9]{0,3})$/, "expected a protocol version, major.minor");

/** @throws TRB_ROUND_VERSION_UNKNOWN unless who speaks `own` understands `version`: the same major, and no newer minor */
export function requireSpoken(version: string, own: string = protocolVersion): void {
  const [said, known] = [parts(version), parts(own)];
  if (said.major !== known.major || said.minor > known.minor) {
    throw fail("TRB_ROUND_VERSION_UNKNOWN", { version, expected: own });
  }
}

/** The newest version that both speak. @throws TRB_ROUND_VERSION_UNKNOWN for two majors */
export function agreedVersion(own: string, theirs: string): string {
  const [mine, other] = [parts(own), parts(theirs)];
  if (mine.major !== other.major) throw fail("TRB_ROUND_VERSION_UNKNOWN", { version: theirs, expected: own });
  return mine.minor <= other.minor ? own : theirs;
}

function parts(version: string): { readonly major: number; readonly minor: number } {
  const [major = Number.NaN, minor = Number.NaN] = version.split(".").map(Number);
  return { major, minor };
}
