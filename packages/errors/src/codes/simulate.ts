import { defineErrors } from "../define.ts";

export const simulateErrors = defineErrors({});
