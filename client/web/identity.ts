/** A device's key: made once in its browser, and never changed. It lies there as it is: whoever serves the page's code could use it. */

import { fail } from "@tributary/errors";
import type { Crypto, IdentityKey } from "@tributary/protocol";
import { identityKey, toHex } from "@tributary/protocol";
import type { Keyring } from "../src/home/keyring.ts";
import type { Identity } from "../src/home/keys.ts";
import { randomSeed } from "../src/random.ts";
import { type DeviceDatabase, readSetting, writeSettings } from "./store/tables.ts";

/** @throws TRB_DEVICE_STORE_UNAVAILABLE */
export async function deviceIdentity(database: DeviceDatabase, crypto: Crypto): Promise<Identity> {
  let secret = await readSetting(database, "identity");
  if (secret === undefined) {
    secret = randomSeed();
    await writeSettings(database, { identity: secret });
  }
  const seed = secret;
  const key = identityKey.parse(toHex(crypto.signingPublicKey(seed)));
  return { key, first: key, sign: (message) => crypto.sign(message, seed) };
}

/** A ring with one key for good. */
export function onlyKey(identity: Identity): Keyring {
  return {
    current: () => identity,
    next: () => undefined,
    holds: (key) => key === identity.key,
    signAs(key: IdentityKey, message) {
      if (key !== identity.key) throw fail("TRB_NODE_IDENTITY_KEY_MISSING", { keys: "this browser" });
      return identity.sign(message);
    },
    finish: () => {},
  };
}
