/** The families behind their one interface. */
import type { ModelSpec } from "../../spec.ts";
import { bidirectional } from "./bidirectional.ts";
import { causal } from "./causal.ts";
import { encoderDecoder } from "./encoder-decoder.ts";
import { extended } from "./extended.ts";
import type { Family } from "./family.ts";
import { recurrent } from "./recurrent.ts";

const families: Readonly<Record<ModelSpec["family"], Family>> = {
  sasrec: causal,
  bert4rec: bidirectional,
  seq2seq: encoderDecoder,
  lstm: recurrent,
  gru: recurrent,
  extension: extended,
};

export function familyOf(spec: ModelSpec): Family {
  return families[spec.family];
}
