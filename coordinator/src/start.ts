/** The server, whose modules are read when one is to run: all that only looks into a home, or writes a line of it, starts without them. */
import type { CoordinatorOptions, RunningCoordinator } from "./server.ts";

/** @throws what `startCoordinator` of `server.ts` throws */
export async function startCoordinator(options: CoordinatorOptions): Promise<RunningCoordinator> {
  const server = await import("./server.ts");
  return server.startCoordinator(options);
}
