/** How the flags of a plan's course are read, and which don't go together. */
import { choosePlan, choosePlanToRead } from "@tributary/simulate";
import { describe, expect, test } from "vitest";
import { type CourseOptions, parseStages, refuseCourse, stagedRounds, withCourse } from "./course-options.ts";

const request = { catalogueItems: 500, customers: 20_000, merchants: 6, epsilon: 8, delta: 1e-6, rounds: 12 };
const plain = choosePlan(request);
const judged = choosePlanToRead(request, {
  ...{ share: 0.3, metrics: { heldOut: 0.1 }, acceptance: { every: 3, metric: "ndcg10", tolerance: 0 } },
});
const refused = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    const { code, details } = error as { code: string; details: { option?: string } };
    return `${code} ${details.option ?? ""}`.trim();
  }
  return "accepted";
};

describe("stages", () => {
  test("are rounds, and where they are given a clip norm and a factor of the rate", () => {
    expect(parseStages("20, 10@0.5,5@0.25*0.3,1*2")).toEqual([
      { rounds: 20 },
      { rounds: 10, clipNorm: 0.5 },
      { rounds: 5, clipNorm: 0.25, rate: 0.3 },
      { rounds: 1, rate: 2 },
    ]);
    expect(stagedRounds({ stages: parseStages("20,10@0.5") })).toBe(30);
    expect(stagedRounds({ stages: parseStages("20"), rounds: 20 })).toBe(20);
    expect(stagedRounds({ rounds: 7 })).toBe(7);
  });

  test.each(["", "0", "a", "5@", "5@0", "5*0", "5@1e3", "5,,5", "-1", "5@0.5*x"])("%j is none", (text) => {
    expect(refused(() => parseStages(text))).toBe("TRB_CLI_BAD_OPTION --stages");
  });

  test("and other rounds don't go together", () => {
    expect(refused(() => stagedRounds({ stages: parseStages("20"), rounds: 19 }))).toBe("TRB_CLI_BAD_OPTION --rounds");
    expect(refused(() => withCourse(plain, 6, { stages: parseStages("11") }))).toBe("TRB_PLAN_SCHEDULE_UNFIT");
  });
});

test("what is asked for stands in the plan, and nothing else changes", () => {
  const asked: CourseOptions = { stages: parseStages("6,6@0.5*0.5"), earlyStop: 2, leastGain: 0.002, promoteGain: 0.001 };
  const { plan } = withCourse(judged, 6, asked);
  expect(plan.earlyStop).toEqual({ metric: "ndcg10", patience: 2, leastGain: "0.002" });
  expect(plan.promotion).toEqual({ rule: "acceptance", leastGain: "0.001" });
  expect(plan.releases.filter(({ clipNorm }) => clipNorm === "0.5").map(({ rounds }) => rounds)).toEqual([3, 3]);
  expect(withCourse(plain, 6, { promoteEvery: 4 }).plan.promotion).toEqual({ rule: "rounds", every: 4 });
  expect(withCourse(judged, 6, {})).toEqual(judged);
});

test.each<[string, CourseOptions, typeof plain]>([
  ["--early-stop", { earlyStop: 2 }, plain],
  ["--promote-gain", { promoteGain: 0 }, plain],
  ["--least-gain", { leastGain: 0 }, judged],
  ["--promote-every", { promoteEvery: 3, promoteGain: 0 }, judged],
])("%s is refused without what it needs", (option, asked, choice) => {
  expect(refused(() => withCourse(choice, 6, asked))).toBe(`TRB_CLI_BAD_OPTION ${option}`);
});

test("plans that are chosen in another way take none of them", () => {
  expect(refused(() => refuseCourse({}, "absent"))).toBe("accepted");
  expect(refused(() => refuseCourse({ warmUp: 2 }, "absent"))).toBe("TRB_CLI_BAD_OPTION --warm-up");
  expect(refused(() => refuseCourse({ promoteEvery: 2 }, "absent"))).toBe("TRB_CLI_BAD_OPTION --promote-every");
});
