import { defineErrors } from "../define.ts";

export const tensorErrors = defineErrors({});
