/** The languages that a plan can be said in; English unless another is asked for. */
export const planLanguages = ["en", "zh"] as const;
export type PlanLanguage = (typeof planLanguages)[number];
