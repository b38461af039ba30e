/** The first thing that runs: what is evaluated after it finds an address without a token. */
import { takeToken } from "./session.ts";

takeToken();
