import { defineErrors } from "../define.ts";

export const eventsErrors = defineErrors({});
