/** OpenDP's package, which comes along in a checkout and with nothing that is installed: others may not publish in its name. */
import { fail } from "@tributary/errors";

/** @throws TRB_OPENDP_NOT_BUILT where there is none */
export async function opendpPackage(): Promise<typeof import("@opendp/opendp")> {
  try {
    return await import("@opendp/opendp");
  } catch (cause) {
    throw fail("TRB_OPENDP_NOT_BUILT", { reason: "the package @opendp/opendp can't be loaded" }, cause);
  }
}
