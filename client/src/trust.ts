/** `tributary node trust` and `tributary node policy`: the merchant's own decisions, kept in policy.json. */
import { fail } from "@tributary/errors";
import { type Sha256, sha256Hex } from "@tributary/protocol";
import { withHome } from "./home/open.ts";
import { type Policy, readPolicy, writePolicy } from "./home/policy.ts";

/**
 * Adds fingerprints of identity keys that the merchant verified out of band. The node's own may be among them.
 * @throws TRB_NODE_FINGERPRINT_INVALID before anything is written
 */
export function trustPeers(options: { readonly home: string; readonly fingerprints: readonly string[] }): Promise<Policy> {
  const added = options.fingerprints.map(parseFingerprint);
  return withHome(options.home, ({ layout }) => {
    const policy = readPolicy(layout);
    const next = { ...policy, trustedPeers: [...new Set([...policy.trustedPeers, ...added])].sort() };
    writePolicy(layout, next);
    return next;
  });
}

export type PolicyChange = Partial<Omit<Policy, "version" | "trustedPeers">>;

/** Changes single limits and returns the policy that holds from the next start on. @throws TRB_NODE_POLICY_INVALID */
export function changePolicy(options: { readonly home: string } & PolicyChange): Promise<Policy> {
  const { home, ...change } = options;
  return withHome(home, ({ layout }) => {
    const next = { ...readPolicy(layout), ...change };
    writePolicy(layout, next);
    return next;
  });
}

/** Upper case and the colons or spaces that people read aloud are taken out. */
function parseFingerprint(text: string): Sha256 {
  const parsed = sha256Hex.safeParse(text.replace(/[\s:]/g, "").toLowerCase());
  if (!parsed.success) throw fail("TRB_NODE_FINGERPRINT_INVALID", { fingerprint: text.slice(0, 80) });
  return parsed.data;
}
