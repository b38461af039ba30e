/** How the coordinator is reached so that nobody between can read or change what is said: over TLS, by a certificate that somebody vouches for. */
import { fail } from "@tributary/errors";

export interface Channel {
  /** Certificates as PEM that are trusted, and no others; without it those that Node brings. */
  readonly ca?: string;
  /** Plain HTTP to another machine, for test networks: said explicitly, by whoever joined or started the node. */
  readonly insecureHttp?: true;
}

/** @throws TRB_NODE_PLAIN_HTTP for http:// to any machine but this one */
export function requirePrivate(url: string, { insecureHttp }: Channel): void {
  const { protocol, hostname } = new URL(url);
  if (protocol === "https:" || insecureHttp === true || isLoopback(hostname)) return;
  throw fail("TRB_NODE_PLAIN_HTTP", { host: hostname });
}

/** RFC 6761, §6.3; RFC 1122, §3.2.1.3; RFC 4291, §2.5.3. */
const isLoopback = (host: string): boolean =>
  host === "localhost" || host.endsWith(".localhost") || host === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(host);
