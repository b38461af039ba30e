import { defineErrors } from "../define.ts";

export const dpErrors = defineErrors({});
