/** The training worker's own entry: nothing but the operating system's randomness. */
import { osRandomSource } from "../random.ts";
import { serveTraining } from "./serve.ts";

serveTraining({ random: () => osRandomSource() });
