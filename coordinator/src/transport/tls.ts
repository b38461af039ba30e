/** TLS by the coordinator itself: a certificate chain and its key from files, read again when the process is told to (SIGHUP). */
import { readFileSync } from "node:fs";
import type { Server as HttpServer } from "node:http";
import { createSecureContext, type SecureContextOptions, Server as TlsServer } from "node:tls";
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
function readTls(files: TlsFiles): SecureContextOptions {
  try {
    const options = { cert: readFileSync(files.cert), key: readFileSync(files.key), minVersion } as const;
    createSecureContext(options);
    return options;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "it is not understood";
    throw fail("TRB_COORDINATOR_TLS_INVALID", { cert: files.cert, key: files.key, reason: code }, error);
  }
}

/**
 * What TLS is to be spoken with; undefined: none.
 * @throws TRB_COORDINATOR_PLAIN_HTTP when others could listen in, and nobody said that they may
 */
export function requirePrivateWay(
  host: string,
  options: {
    readonly tls?: TlsFiles | undefined;
    readonly trustProxy?: string | undefined;
    readonly insecureHttp?: boolean | undefined;
  },
): SecureContextOptions | undefined {
  if (options.tls !== undefined) return readTls(options.tls);
  const own = host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
  if (own || options.trustProxy !== undefined || options.insecureHttp === true) return undefined;
  throw fail("TRB_COORDINATOR_PLAIN_HTTP", { host });
}

/** Connections that are open keep what they were made with. @throws TRB_COORDINATOR_TLS_INVALID */
export function reloadTls(server: HttpServer, files: TlsFiles | undefined): void {
  if (files !== undefined && server instanceof TlsServer) server.setSecureContext(readTls(files));
}
