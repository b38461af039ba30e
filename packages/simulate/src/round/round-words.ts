/** What the threads of a simulated round are asked. */
import type { Plan } from "@tributary/protocol";
import type { SeatResult, SeatSetup, SeatWord } from "../scale/seats.ts";

export interface RoundThreadSetup extends SeatSetup {
  readonly plan: Plan;
  readonly seed: Uint8Array;
  readonly nodes: number;
}

export type RoundWord =
  | SeatWord
  /** Nothing but the cipher, over so many streams as long as the vector; its buffers given back at once, or left to the garbage collector. */
  | { readonly type: "cipher"; readonly streams: number; readonly givesBack: boolean }
  /** Nothing but so many vectors, made and added up as they are. */
  | { readonly type: "plain"; readonly vectors: number }
  | { readonly type: "close" };

export interface RoundAnswer {
  readonly seats: SeatResult;
  /** Processor milliseconds of this thread since it began. */
  readonly cpu: number;
}
