/** A home that has joined a coordinator on this machine, new for every test of the file or `describe` that asks for it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import { startTestCoordinator, type TestCoordinator } from "./coordinator.test-support.ts";
import { joinFederation } from "./join.ts";

export interface JoinedHome {
  /** Of this test alone; the home is in it. */
  folder: string;
  home: string;
  coordinator: TestCoordinator;
}

/** What is in it is there while a test runs, and is another for each. */
export function joinedHome(): JoinedHome {
  const joined = {} as JoinedHome;
  beforeEach(async () => {
    const folder = mkdtempSync(join(tmpdir(), "tributary-joined-"));
    const home = join(folder, "home");
    const coordinator = await startTestCoordinator();
    Object.assign(joined, { folder, home, coordinator });
    await joinFederation({ invite: coordinator.invite("alpha"), home });
  });
  afterEach(async () => {
    await joined.coordinator.close();
    rmSync(joined.folder, { recursive: true, force: true });
  });
  return joined;
}
