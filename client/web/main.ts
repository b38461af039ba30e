/**
 * The device's page. An embedding shop's script gives the history by `tributaryDevice.giveEvents(events)` once `tributaryDevice` is there
 * (the event `tributary-device` of the window says so); a person gives a file instead.
 */
import { isTributaryError } from "@tributary/errors";
import { showDevice, showRefusal } from "../../packages/dashboard/src/device/mount.tsx";
import { type BrowserDevice, inBrowser, openDevice } from "./device.ts";
import { lockTab } from "./only-tab.ts";
import { openTables, readSetting } from "./store/tables.ts";

declare global {
  /** For scripts of the page's own origin. */
  var tributaryDevice: Pick<BrowserDevice, "giveEvents" | "status" | "watch"> | undefined;
}

const page = document.getElementById("page");
if (page !== null) {
  begin(page).catch((error: unknown) => {
    if (!isTributaryError(error)) throw error;
    showRefusal(page, error.toJSON());
  });
}

async function begin(into: HTMLElement): Promise<void> {
  await lockTab();
  const database = await openTables();
  const device = await openDevice(inBrowser(database));
  showDevice(into, device);
  const { giveEvents, status, watch } = device;
  globalThis.tributaryDevice = { giveEvents, status, watch };
  dispatchEvent(new Event("tributary-device"));
  // a browser may throw away what it wasn't asked to keep; whether it agrees is its person's settings' to say
  await navigator.storage?.persist();
  if (await readSetting(database, "active")) await device.start().catch(shownAlready);
}

/** The device shows what it refuses. */
function shownAlready(error: unknown): void {
  if (!isTributaryError(error)) throw error;
}
