import { describe, expect, test } from "vitest";
import type { EventAttribution } from "./explainer.ts";
import { explanationStrip, inWords, type StripEvent } from "./strip.ts";

const shares = [0.5, -0.25, 0, 0.25];
const attributions: readonly EventAttribution[] = shares.map((share, event) => ({
  ...{ event, share, gradient: 0, contribution: 3 * share },
  rollout: [0.1, 0.2, 0.3, 0.4][event],
}));
const events: readonly StripEvent[] = [
  { label: "boots", action: "view" },
  { label: `<script>alert("x")</script> & 'more'`, action: "buy" },
  { label: "search", action: "search" },
  { label: "tent \u{1f3d5}\u0007" },
];
const strip = explanationStrip(events, attributions, { title: "Why <this>?" });

/** Attribute values of all elements of a class. */
const valuesOf = (name: string, attribute: string) =>
  [...strip.matchAll(new RegExp(`class="${name}"[^>]*? ${attribute}="([^"]*)"`, "g"))].map(([, value]) => Number(value));

describe("the strip", () => {
  test("draws a bar for each event, as high as its share, up for what adds and down for what takes", () => {
    const [first = 0, second = 0, third] = valuesOf("adds", "height");
    expect(first).toBeGreaterThan(0);
    expect([second, third]).toEqual([0, first / 2]);
    expect(valuesOf("takes", "height")).toEqual([first / 2]);
    const axis = valuesOf("axis", "y1")[0] ?? Number.NaN;
    expect(valuesOf("takes", "y")).toEqual([axis]);
    expect(valuesOf("adds", "y")).toEqual([axis - first, axis, axis - first / 2]);
    const radii = valuesOf("through", "r").map((r) => (r - 1) ** 2);
    expect(radii.map((area) => area / (radii[3] ?? 0))).toEqual([0.25, 0.5, 0.75, 1].map((part) => expect.closeTo(part, 2)));
  });

  test("is a picture with a title and a text alternative that holds every number", () => {
    expect(strip).toMatch(/<svg [^>]*role="img" aria-labelledby="explanation-title explanation-description"/);
    expect(strip).toContain('<title id="explanation-title">Why &lt;this&gt;?</title>');
    const description = /<desc id="explanation-description">([^<]*)<\/desc>/.exec(strip)?.[1] ?? "";
    expect(description.split("\n")).toHaveLength(4);
    expect(description).toContain("1. boots (view): +50 %, attention 10 %.");
    expect(description).toContain("(buy): −25 %, attention 20 %.");
    expect(inWords(events.slice(3), [{ event: 9, share: 1, gradient: 0, contribution: 1, rollout: undefined }])).toMatch(
      /\+100 %\.$/,
    );
  });

  test("is XML whatever a label holds, with nothing that acts and nothing that is fetched", () => {
    expect(strip).not.toContain("<script");
    expect(strip).not.toMatch(/\son\w+=|https?:\/\/(?!www\.w3\.org\/2000\/svg")/);
    expect(strip).not.toContain("\u0007");
    expect(strip).toContain("\u{1f3d5}");
    const tags = [...strip.matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/g)];
    const depth = tags.reduce((open, [, closing, , alone]) => open + (alone ? 0 : closing ? -1 : 1), 0);
    expect(depth).toBe(0);
    expect([...strip.matchAll(/&(?!amp;|lt;|gt;|quot;|#39;)/g)]).toEqual([]);
  });

  test("has an id of its own on pages with several, and refuses what can't be one, or labels that don't fit", () => {
    expect(explanationStrip(events, attributions, { title: "", id: "second" })).toContain("#second .adds{");
    const refused = expect.objectContaining({ code: "TRB_MODEL_EXPLANATION_INVALID" });
    expect(() => explanationStrip(events, attributions, { title: "", id: 'x" onload="' })).toThrow(refused);
    expect(() => explanationStrip(events.slice(1), attributions, { title: "" })).toThrow(refused);
  });

  test("of contributions that are all zero, or of no events, is still a picture", () => {
    const still = attributions.map((one) => ({ ...one, share: 0, rollout: 0 }));
    expect(explanationStrip(events, still, { title: "" })).not.toContain("NaN");
    expect(explanationStrip([], [], { title: "" })).not.toMatch(/NaN|Infinity/);
  });
});
