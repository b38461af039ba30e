/**
 * Signatures by a verifier that answers later and takes many at once, as a browser's own does (`@tributary/protocol/web-crypto`). The checks are those of `signatures.ts`,
 * run with every answer assumed to be yes, while the questions are put down; where an answer is no, they are run again with the answers that came. Which questions
 * are asked depends on the entry and the keys alone, never on an answer.
 */
import { type Crypto, toHex } from "@tributary/protocol";
import type { VerifyLater } from "@tributary/protocol/web-crypto";
import type { SignatureChecks } from "../verify.ts";
import { verifyLine } from "./entry.ts";
import { type Signatories, signatureFailures } from "./signatures.ts";
import { type Failure, initialVerification } from "./state.ts";

type Question = Parameters<Crypto["verify"]>;

/** Questions that may wait for an answer before the reader waits as well: this bounds the memory, and is many times what a machine answers at once. */
const mostWaiting = 512;

export interface LaterSignatures {
  /** Is told of each entry that was added once all its signatures are checked, by entries in any order. */
  readonly settled?: (place: number, failures: readonly Failure[]) => void;
}

/** @param crypto hashes only are asked of it */
export function signaturesLater(
  verify: VerifyLater,
  crypto: Pick<Crypto, "sha256">,
  { settled = () => undefined }: LaterSignatures = {},
): SignatureChecks {
  const failures: Failure[] = [];
  let [unsettled, waiting] = [0, 0];
  let broken: unknown;
  /** Whoever waits for answers. */
  let wake: () => void = () => undefined;
  const until = async (holds: () => boolean): Promise<void> => {
    while (broken === undefined && !holds()) await new Promise<void>((resolve) => (wake = resolve));
    if (broken !== undefined) throw broken;
  };

  const check = async (line: string, place: number, signatories: Signatories): Promise<void> => {
    const asked: Promise<boolean>[] = [];
    const assuming = asking((question) => {
      asked.push(verify(...question));
      return true;
    }, crypto);
    const assumed = signatureFailures(line, place, signatories, assuming);
    waiting += asked.length;
    const answers = await Promise.all(asked);
    waiting -= asked.length;
    const found = answers.every(Boolean) ? assumed : signatureFailures(line, place, signatories, answered(answers, crypto));
    failures.push(...found);
    settled(place, found);
  };

  return {
    add(line, place, signatories) {
      unsettled += 1;
      check(line, place, signatories)
        .catch((error: unknown) => {
          broken = error;
        })
        .finally(() => {
          unsettled -= 1;
          wake();
        });
    },
    ready: () => until(() => waiting <= mostWaiting),
    async rest() {
      await until(() => unsettled === 0);
      return failures;
    },
  };
}

/**
 * A `Crypto` that knows the answers for everything that is signed in a ledger's first entry, a roster of thousands perhaps, and asks `crypto` for all else: that entry is
 * verified in one go, and would take a browser some seconds by JavaScript alone.
 * @param line the first one, of whatever form
 */
export async function foreseeing(line: string, crypto: Crypto, verify: VerifyLater): Promise<Crypto> {
  const asked: Promise<readonly [question: string, answer: boolean]>[] = [];
  const nameOf = ([signature, message, key]: Question) =>
    [signature, crypto.sha256(message), key].map((bytes) => toHex(bytes)).join(".");
  const assuming = asking((question) => {
    const name = nameOf(question);
    asked.push(verify(...question).then((answer) => [name, answer]));
    return true;
  }, crypto);
  verifyLine(initialVerification, line, { ...crypto, ...assuming }, "elsewhere");
  const known = new Map(await Promise.all(asked));
  return { ...crypto, verify: (...question) => known.get(nameOf(question)) ?? crypto.verify(...question) };
}

function asking(
  verify: (question: Question) => boolean,
  { sha256 }: Pick<Crypto, "sha256">,
): Pick<Crypto, "verify" | "sha256"> {
  return { sha256, verify: (...question) => verify(question) };
}

/** The answers in the order in which the questions were asked. */
function answered(answers: readonly boolean[], crypto: Pick<Crypto, "sha256">): Pick<Crypto, "verify" | "sha256"> {
  let place = 0;
  return asking(() => {
    const answer = answers[place];
    if (answer === undefined) throw new Error("a signature was asked for that was not asked for before");
    place += 1;
    return answer;
  }, crypto);
}
