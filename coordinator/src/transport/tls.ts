/** TLS by the coordinator itself: a certificate chain and its key from files, read again when the process is told to (SIGHUP). */
import { readFileSync } from "node:fs";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import { fail } from "@tributary/errors";

export interface TlsFiles {
  /** PEM: the server's certificate, and then whoever signed it, up to below the root. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
}

/** Older ones are broken. */
const minVersion = "TLSv1.2";

/** Reads both and holds them to each other, so that what is wrong is known before anything is served by it. @throws TRB_COORDINATOR_TLS_INVALID */
export function readTls(files: TlsFiles): SecureContextOptions {
  try {
    const options = { cert: readFileSync(files.cert), key: readFileSync(files.key), minVersion } as const;
    createSecureContext(options);
    return options;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "it is not understood";
    throw fail("TRB_COORDINATOR_TLS_INVALID", { cert: files.cert, key: files.key, reason: code }, error);
  }
}
