/** A browser's tabs share one database, so one of them is the device (Web Locks API). The lock ends with the tab, however it ends. */
import { fail } from "@tributary/errors";
import { databaseName } from "./store/tables.ts";

/** @returns lets go. @throws TRB_DEVICE_OTHER_TAB, TRB_DEVICE_STORE_UNAVAILABLE */
export function lockTab(locks: LockManager | undefined = globalThis.navigator?.locks): Promise<() => void> {
  if (locks === undefined) {
    throw fail("TRB_DEVICE_STORE_UNAVAILABLE", {
      reason: "the page did not come by https, so the browser locks nothing for it",
    });
  }
  return new Promise((resolve, reject) => {
    locks
      .request(databaseName, { ifAvailable: true }, (lock) => {
        if (lock === null) {
          reject(fail("TRB_DEVICE_OTHER_TAB"));
          return undefined;
        }
        return new Promise<void>((letGo) => resolve(letGo));
      })
      .catch(reject);
  });
}
