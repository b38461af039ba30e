/** What a server says when it doesn't answer, and when it is asked again. */
import { expect, test } from "vitest";
import { pauseBefore } from "./live.ts";
import { refusalOf } from "./request.ts";

test("a problem document is the refusal that it was", () => {
  const problem = { code: "TRB_ACCESS_ROLE", detail: "Your role may not.", advice: "Ask an operator.", status: 403 };
  expect(refusalOf(problem, 403)).toMatchObject({
    ...{ code: "TRB_ACCESS_ROLE", message: "Your role may not.", advice: "Ask an operator.", status: 403 },
  });
  expect(refusalOf({ code: "TRB_OF_TOMORROW", detail: 7 }, 409)).toMatchObject({ code: "TRB_OF_TOMORROW", advice: "" });
});

test("a proxy's page is no refusal of the server's, and a gateway without a server is a server that is gone", () => {
  for (const page of [undefined, null, "<html>", 7, [], { error: "no" }]) {
    expect(refusalOf(page, 500)).toMatchObject({ code: "TRB_API_ANSWER", message: "HTTP 500", status: 500 });
    expect(refusalOf(page, 502)).toMatchObject({ code: "TRB_API_UNREACHABLE", status: 0 });
    expect(refusalOf(page, 504)).toMatchObject({ code: "TRB_API_UNREACHABLE", status: 0 });
  }
});

test("who is gone is asked again after 1, 2, 4 … 30 seconds, and up to half as much again", () => {
  expect([1, 2, 3, 4, 5, 6, 40].map((attempt) => pauseBefore(attempt, 0))).toEqual(
    [1, 2, 4, 8, 16, 30, 30].map((s) => 1000 * s),
  );
  expect(pauseBefore(1, 1)).toBe(1500);
  expect(pauseBefore(0, 0.5)).toBe(1250);
});
