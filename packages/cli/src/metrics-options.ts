/** The flags with which a command asks for metrics under ε. */
import { numberOption } from "./options.ts";

export interface MetricsOptions {
  readonly metrics?: number;
  readonly metricsShare?: number;
}

/** In the planner's words. */
export const metricsWishes = ({ metrics, metricsShare }: MetricsOptions) => ({
  ...(metrics === undefined ? {} : { heldOut: metrics }),
  ...(metricsShare === undefined ? {} : { share: metricsShare }),
});

export const heldOutOption = () =>
  numberOption(
    "--metrics <part>",
    "hold this part of customers out of all learning, and release metrics of them under ε at the end",
    (value) => value > 0 && value <= 0.5,
    "a number above 0 and at most 0.5",
  );

export const metricsShareOption = () =>
  numberOption(
    "--metrics-share <part>",
    "what part of ε is kept for metrics and extensions' queries (default: 0.1)",
    (value) => value > 0 && value < 1,
    "a number above 0 and below 1",
  );
