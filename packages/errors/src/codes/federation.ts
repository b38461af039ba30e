import { defineErrors } from "../define.ts";

export const federationErrors = defineErrors({});
