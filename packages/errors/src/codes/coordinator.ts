import { defineErrors } from "../define.ts";

export const coordinatorErrors = defineErrors({});
