import { defineErrors } from "../define.ts";

export const clientErrors = defineErrors({});
