/** `tributary coordinator retention`: shown, changed and carried out beside the server. */
import { homeLayout } from "./home/layout.ts";
import {
  applyRetention,
  changeRetention,
  type Erased,
  type Retention,
  type RetentionPolicy,
  readRetention,
} from "./retention.ts";
import { openBlobs } from "./storage/blobs.ts";
import { openObjects } from "./storage/objects.ts";
import { homeOf, openPlace, type Place } from "./storage/place.ts";

export interface RetentionRequest {
  /** What is to be otherwise from now on. */
  readonly policy: Partial<RetentionPolicy>;
  /** Whether it is carried out at once; the server does it within an hour. */
  readonly apply: boolean;
  /** Where models are, as `coordinator start` was told. Default: the home. */
  readonly blobs?: string | undefined;
}

/** @throws TRB_COORDINATOR_HOME_EMPTY, and what stores throw */
export async function retainAt(
  place: Place,
  { policy, apply, blobs }: RetentionRequest,
): Promise<{ readonly retention: Retention; readonly erased: Erased | null }> {
  const store = await openPlace(place);
  try {
    if (Object.keys(policy).length > 0) await changeRetention(store, policy);
    if (!apply) return { retention: await readRetention(store.database), erased: null };
    const objects = await openObjects(blobs ?? homeLayout(homeOf(place)).home);
    try {
      const erased = await applyRetention(store, openBlobs(objects));
      return { retention: await readRetention(store.database), erased };
    } finally {
      objects.close();
    }
  } finally {
    await store.close();
  }
}
