/** The device's page, put into a document. */
import "../shared/base.css";
import "./device.css";
import { signal } from "@preact/signals";
import { render } from "preact";
import { RefusalNotice } from "../shared/notice.tsx";
import { Shell } from "../shared/shell.tsx";
import type { DeviceNotice, DeviceOnPage } from "./model.ts";
import { DeviceView } from "./view.tsx";
import { t } from "./words.ts";

export function showDevice(page: HTMLElement, device: DeviceOnPage): void {
  const status = signal(device.status());
  device.watch((next) => {
    status.value = next;
  });
  render(<DeviceView device={device} status={status} />, page);
}

/** There is no device to show, and why. */
export function showRefusal(page: HTMLElement, refusal: DeviceNotice): void {
  function Refused() {
    return (
      <Shell title={t.title()}>
        <RefusalNotice refusal={refusal} />
      </Shell>
    );
  }
  render(<Refused />, page);
}
