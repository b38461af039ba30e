/**
 * `tributary node extension`: code from outside that the merchant has read and accepts. Its file is kept in the home under its hash, and its hash
 * stands in policy.json; a node loads no other, whatever a plan or a coordinator says. Nothing of it is ever fetched.
 */
import { hasExtension, keepExtension, loadExtensions, openExtension } from "@tributary/model/extension-files";
import { type Plan, type Sha256, sha256Hex } from "@tributary/protocol";
import type { Layout } from "./home/layout.ts";
import { withHome } from "./home/open.ts";
import { readPolicy, writePolicy } from "./home/policy.ts";
import type { Policy } from "./policy-document.ts";

export interface AcceptedExtension {
  readonly name: string;
  readonly sha256: Sha256;
}

/** Accepts a file from now on. @throws TRB_EXTENSION_UNREADABLE before anything is written */
export async function acceptExtension(options: { readonly home: string; readonly file: string }): Promise<AcceptedExtension> {
  const opened = await openExtension(options.file);
  const sha256 = sha256Hex.parse(opened.sha256);
  return withHome(options.home, ({ layout }) => {
    keepExtension(layout.extensions, opened);
    const policy = readPolicy(layout);
    writePolicy(layout, { ...policy, extensions: [...new Set([...policy.extensions, sha256])].sort() });
    return { name: opened.extension.name, sha256 };
  });
}

/**
 * Loads those of a plan's extensions that the policy accepts; the others are for `refusalsOf` to name.
 * @throws TRB_EXTENSION_UNREADABLE, TRB_EXTENSION_ALTERED
 */
export async function loadAccepted(layout: Layout, { extensions = [] }: Plan, policy: Policy): Promise<void> {
  await loadExtensions(layout.extensions, acceptedOf(extensions, policy, layout));
}

/** Accepted in the policy, and there. */
function acceptedOf(named: NonNullable<Plan["extensions"]>, policy: Policy, layout: Layout) {
  return named.filter(({ sha256 }) => policy.extensions.includes(sha256) && hasExtension(layout.extensions, sha256));
}
