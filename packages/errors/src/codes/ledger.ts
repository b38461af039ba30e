import { defineErrors } from "../define.ts";

export const ledgerErrors = defineErrors({});
