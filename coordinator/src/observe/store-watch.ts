/** Faults of the stores, counted where they come up: also those that somebody's patience outlasts. */
import { isTributaryError } from "@tributary/errors";
import type { ObjectStore } from "../storage/objects.ts";

/** @param failed hears the code of every call that failed */
export function watchedObjects(objects: ObjectStore, failed: (code: string) => void): ObjectStore {
  const watching =
    <Arguments extends readonly unknown[], Result>(call: (...given: Arguments) => Promise<Result>) =>
    async (...given: Arguments): Promise<Result> => {
      try {
        return await call(...given);
      } catch (error) {
        failed(isTributaryError(error) ? error.code : "other");
        throw error;
      }
    };
  return {
    put: watching(objects.put),
    putFile: watching(objects.putFile),
    size: watching(objects.size),
    read: watching(objects.read),
    stream: watching(objects.stream),
    erase: watching(objects.erase),
    list: watching(objects.list),
    close: objects.close,
  };
}
