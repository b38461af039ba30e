/** Signatures on several threads, for a browser that has no Ed25519 of its own, or hides it as it does from pages that came by HTTP from another machine. */
import type { VerifyLater } from "@tributary/protocol/web-crypto";
import type { AnsweredSignature, AskedSignature } from "./signature-words.ts";

/** A `Worker`, as far as it is used. */
export interface SignatureThread {
  ask(asked: AskedSignature): void;
  /** Once, before anything is asked. */
  listen(answered: (answer: AnsweredSignature) => void, broke: () => void): void;
  end(): void;
}

export interface SignatureCrew {
  readonly verify: VerifyLater;
  /** Ends the threads; what they were asked is never answered. */
  close(): void;
}

/**
 * @param size threads at most; they are started when there is something for each
 * @param here verifies in this thread, slowly: what a thread was asked that broke, as where its script is gone after an upgrade
 */
export function signatureCrew(size: number, start: () => SignatureThread, here: VerifyLater): SignatureCrew {
  interface Member {
    readonly thread: SignatureThread;
    readonly open: Map<
      number,
      { readonly asked: AskedSignature; readonly answer: (valid: boolean | Promise<boolean>) => void }
    >;
  }
  let crew: Member[] = [];
  let [asked, broken] = [0, 0];

  const join = (): Member => {
    const member: Member = { thread: start(), open: new Map() };
    const answered = ({ number, valid }: AnsweredSignature) => {
      member.open.get(number)?.answer(valid);
      member.open.delete(number);
    };
    const broke = () => {
      broken += 1;
      crew = crew.filter((other) => other !== member);
      member.thread.end();
      for (const { asked: left, answer } of member.open.values()) answer(here(left.signature, left.message, left.key));
      member.open.clear();
    };
    member.thread.listen(answered, broke);
    crew.push(member);
    return member;
  };
  /** Whoever has the least to do, or somebody new while all are busy. */
  const free = (): Member | undefined => {
    const least = crew.toSorted((a, b) => a.open.size - b.open.size)[0];
    return crew.length + broken < size && (least === undefined || least.open.size > 0) ? join() : least;
  };

  return {
    verify(signature, message, key) {
      const member = free();
      if (member === undefined) return here(signature, message, key);
      asked += 1;
      const question: AskedSignature = { number: asked, signature, message, key };
      return new Promise((answer) => {
        member.open.set(question.number, { asked: question, answer });
        member.thread.ask(question);
      });
    },
    close() {
      for (const { thread } of crew) thread.end();
      crew = [];
      broken = size;
    },
  };
}
