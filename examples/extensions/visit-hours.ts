/**
 * A sum query: in how many customers' latest days each hour of the day occurs, in UTC.
 *
 *   1/√8 at each of the customer's latest 8 different hours
 *
 * The norm is at most 1, so the plan's clip of 1 changes nothing; a sum times √8 is a number of customers.
 */
import type { Extension } from "@tributary/model";

const hours = 24;
const mostHours = 8;

export const extension: Extension = {
  name: "visit-hours",
  query: {
    shape: () => ({ dimension: hours, touched: mostHours, clipNorm: 1 }),
    query: () => ({
      answer({ times }) {
        const latest = new Set<number>();
        for (let event = times.length - 1; event >= 0 && latest.size < mostHours; event--) {
          latest.add(Math.floor((times[event] ?? 0) / 3600) % hours);
        }
        const coordinates = Uint32Array.from(latest).sort();
        return { coordinates, values: new Float64Array(coordinates.length).fill(1 / Math.sqrt(mostHours)) };
      },
    }),
  },
};
