/** How the terminal and the page say the same things. */
import type { FederationReport } from "@tributary/simulate";

/** Budgets are rounded up, never down. */
export function budget(epsilon: number): string {
  return (Math.ceil(epsilon * 1e3 - 1e-9) / 1e3).toFixed(3);
}

/** A slow machine is not the method's fault, and the figures say less because of it. */
export function slowness({ slowMerchants, merchants }: FederationReport): string[] {
  if (slowMerchants === 0) return [];
  return [
    `${slowMerchants} of ${merchants} merchants were too slow for a round at least once, and added noise alone to it: this machine was busy.`,
  ];
}
