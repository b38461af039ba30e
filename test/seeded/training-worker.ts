/** The client's training worker with seeded randomness. */
import { serveTraining } from "@tributary/client";
import { seededRandom } from "./randomness.ts";

serveTraining({ random: (round, purpose, node) => seededRandom("node", node, round, purpose) });
