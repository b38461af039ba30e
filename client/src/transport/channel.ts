/** The certificates by which a coordinator is known, as options name them. */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { fail } from "@tributary/errors";
import { reasonOf } from "../reason.ts";
import type { Channel } from "./private-channel.ts";

/** What options say of it. @throws TRB_NODE_CA_UNREADABLE */
export function channelOf({
  ca,
  insecureHttp,
}: {
  /** A file. */ readonly ca?: string;
  readonly insecureHttp?: true;
}): Channel {
  return {
    ...(ca === undefined ? {} : { ca: readCa(ca) }),
    ...(insecureHttp === undefined ? {} : { insecureHttp }),
  };
}

/** The file's text, once it is known to begin with a certificate. @throws TRB_NODE_CA_UNREADABLE */
function readCa(file: string): string {
  try {
    const text = readFileSync(file, "utf8");
    void new X509Certificate(text).subject;
    return text;
  } catch (cause) {
    throw fail("TRB_NODE_CA_UNREADABLE", { file, reason: reasonOf(cause) }, cause);
  }
}
