/** What a thread that verifies signatures is asked, and what it answers. */

export interface AskedSignature {
  readonly number: number;
  readonly signature: Uint8Array;
  readonly message: Uint8Array;
  readonly key: Uint8Array;
}

export interface AnsweredSignature {
  readonly number: number;
  readonly valid: boolean;
}
