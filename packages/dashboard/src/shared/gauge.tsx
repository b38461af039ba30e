/** How much of a limit is used up, and how much more is planned. */
import type { ComponentChildren } from "preact";

export interface GaugeProps {
  readonly label: string;
  readonly value: number;
  readonly limit: number;
  /** Where it will be, at least `value`: hatched. */
  readonly planned?: number;
  /** The value in words, for who doesn't see it. */
  readonly words: string;
  readonly children?: ComponentChildren;
}

/** Share of the limit in percent, for a bar that ends there. */
const share = (value: number, limit: number): string => `${limit > 0 ? Math.min(100, Math.max(0, (100 * value) / limit)) : 0}%`;

export function Gauge({ label, value, limit, planned, words, children }: GaugeProps) {
  return (
    <div>
      <div
        class="gauge"
        role="meter"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={limit}
        aria-valuenow={Math.min(value, limit)}
        aria-valuetext={words}
      >
        {planned !== undefined && (
          <i class={planned > limit ? "planned over" : "planned"} style={{ width: share(planned, limit) }} />
        )}
        <i class={value > limit ? "over" : undefined} style={{ width: share(value, limit) }} />
      </div>
      {children !== undefined && <div class="legend">{children}</div>}
    </div>
  );
}
