import { defineErrors } from "../define.ts";

/** Each is exit 4: what was claimed of a model or a ledger isn't borne out. */
const refuted = (message: string, advice: string) => ({ message, advice, status: 422, exitCode: 4 as const });

const distrust = "Don't rely on this certificate: ask the coordinator for an unaltered one.";

export const certificateErrors = defineErrors({
  TRB_STATEMENT_UNVERIFIED: refuted(
    "Nothing is stated of a ledger that doesn't verify: entry {entry} (line {line}): {rule} {reason}",
    "Get the file again from the coordinator and from a node, and compare; if they differ, do not trust it.",
  ),
  TRB_STATEMENT_LEDGER_TWICE: {
    message: "Two of the ledgers are of one plan, of the federation {federation}: its rounds would be counted twice.",
    advice: "Give each federation's ledger once.",
    status: 422,
    exitCode: 2,
  },
  TRB_STATEMENT_INCOMPLETE: refuted(
    "A statement lacks what no file can show: {missing}.",
    "A statement without that section promises more than anybody can check. Make it anew with `tributary ledger statement`.",
  ),
  TRB_CERTIFICATE_INVALID: refuted("The file is no model certificate, at {path}: {reason}.", distrust),
  TRB_CERTIFICATE_NOT_CANONICAL: refuted("The certificate is not byte-equal to its canonical form.", distrust),
  TRB_CERTIFICATE_SIGNATURE_INVALID: refuted("The signature is not valid under the key that the certificate names.", distrust),
  TRB_CERTIFICATE_KEY_UNPINNED: refuted(
    "Anybody can sign a certificate: without the coordinator's key fingerprint, obtained elsewhere, it shows nothing.",
    "Give --key FINGERPRINT, as the coordinator published it or an invite has it.",
  ),
  TRB_CERTIFICATE_KEY_MISMATCH: refuted(
    "The certificate is signed by another key: its fingerprint is {found}, not {expected}.",
    "Compare the fingerprint with the one that the coordinator published elsewhere.",
  ),
  TRB_CERTIFICATE_CONTRADICTED: refuted(
    "The certificate's {field} says {found}; from its plan and entry follows {expected}.",
    distrust,
  ),
  TRB_CERTIFICATE_ENTRY_INVALID: refuted("A ledger entry in the certificate is not valid: {reason}.", distrust),
  TRB_CERTIFICATE_NOT_INCLUDED: refuted(
    "The proof doesn't show entry {entry} to be in the ledger that the certificate names.",
    distrust,
  ),
  TRB_CERTIFICATE_OTHER_MODEL: refuted(
    "The certificate is of the model {expected}; the file is the model {found}.",
    "Give the model that was certified, or the certificate of this model.",
  ),
  TRB_CERTIFICATE_OTHER_LEDGER: refuted(
    "The certificate is not of this ledger: {reason}.",
    "Give the ledger that the certificate was made from, or a later copy of it.",
  ),
});
