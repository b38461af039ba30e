import { defineErrors } from "../define.ts";

export const secaggErrors = defineErrors({});
