/**
 * An explanation as a small SVG: the events in their order, a bar up for what an event adds, down for what it takes away, and a dot for
 * how much of it attention let through. Everything that is drawn is also said: in numbers beside the bars and in the picture's text
 * alternative. No script, no fonts, no links; colours follow the reader's light or dark scheme.
 */
import { fail } from "@tributary/errors";
import type { EventAttribution } from "./explainer.ts";

/** What people call an event: the item's name, or the action where there is no item. */
export interface StripEvent {
  readonly label: string;
  /** `view`, `buy`, …; shown below the label. */
  readonly action?: string;
}

export interface StripOptions {
  /** What is explained, in words: "Why hiking boots?" */
  readonly title: string;
  /** Begins the ids of title and description, for pages with several strips; letters, digits and dashes. */
  readonly id?: string;
}

const column = 56;
const margin = { left: 72, right: 16, top: 44 };
const barHeight = 56;
const labelHeight = 84;
const longestLabel = 16;

/**
 * @param events one for each attribution, in the same order
 * @throws TRB_MODEL_EXPLANATION_INVALID when there are not as many, or the id is not one
 */
export function explanationStrip(
  events: readonly StripEvent[],
  attributions: readonly EventAttribution[],
  { title, id = "explanation" }: StripOptions,
): string {
  if (events.length !== attributions.length) {
    const reason = `there are ${events.length} labels for ${attributions.length} events`;
    throw fail("TRB_MODEL_EXPLANATION_INVALID", { reason });
  }
  if (!/^[A-Za-z][A-Za-z0-9-]*$/.test(id)) throw fail("TRB_MODEL_EXPLANATION_INVALID", { reason: "the strip's id is not one" });
  const width = Math.max(480, margin.left + margin.right + column * events.length);
  const baseline = margin.top + barHeight + 14;
  const largest = Math.max(1e-12, ...attributions.map(({ share }) => Math.abs(share)));
  const deepest = Math.max(0, ...attributions.map(({ share }) => (-share * barHeight) / largest), 7);
  const labelY = baseline + deepest + 30;
  const height = Math.ceil(labelY + labelHeight);
  const withRollout = attributions.some(({ rollout }) => rollout !== undefined);
  const mostRollout = Math.max(1e-12, ...attributions.map(({ rollout }) => rollout ?? 0));
  const parts = attributions.map((attribution, place) => {
    const event = events[place] ?? { label: "" };
    const x = margin.left + column * place + column / 2;
    const size = (barHeight * Math.abs(attribution.share)) / largest;
    const up = attribution.share >= 0;
    const number = signed(attribution.share);
    // beside the bar, and clear of the dot
    const numberY = up ? baseline - Math.max(size + 4, 11) : baseline + Math.max(size + 12, 19);
    return [
      `<g>`,
      `<rect class="${up ? "adds" : "takes"}" x="${x - 14}" y="${short(up ? baseline - size : baseline)}" width="28" height="${short(size)}" rx="2"/>`,
      `<text class="number" x="${x}" y="${short(numberY)}" text-anchor="middle">${number}</text>`,
      ...(attribution.rollout === undefined ? [] : [dot(x, baseline, attribution.rollout / mostRollout)]),
      `<text class="label" transform="translate(${x + 4} ${short(labelY)}) rotate(-38)" text-anchor="end">${escaped(cut(event.label))}</text>`,
      ...(event.action === undefined || event.action === event.label
        ? []
        : [
            `<text class="action" transform="translate(${x + 15} ${short(labelY + 4)}) rotate(-38)" text-anchor="end">${escaped(cut(event.action))}</text>`,
          ]),
      `</g>`,
    ].join("");
  });
  const legend = `bars: share of the contributions${withRollout ? "; dots: attention rollout" : ""}; oldest event on the left`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="${id}-title ${id}-description">`,
    `<title id="${id}-title">${escaped(title)}</title>`,
    `<desc id="${id}-description">${escaped(inWords(events, attributions))}</desc>`,
    style(id),
    `<g id="${id}">`,
    `<rect class="ground" width="${width}" height="${height}"/>`,
    `<text class="title" x="16" y="20">${escaped(cut(title, Math.floor(width / 8)))}</text>`,
    `<text class="action" x="16" y="36">${legend}</text>`,
    `<line class="axis" x1="16" x2="${width - margin.right}" y1="${baseline}" y2="${baseline}"/>`,
    ...parts,
    `</g></svg>`,
  ].join("");
}

/** The strip in words: the text alternative, and what a command prints. One line an event, oldest first. */
export function inWords(events: readonly StripEvent[], attributions: readonly EventAttribution[]): string {
  return attributions
    .map(({ share, rollout }, place) => {
      const { label = "", action } = events[place] ?? {};
      const attention = rollout === undefined ? "" : `, attention ${percent(rollout)}`;
      return `${place + 1}. ${label}${action === undefined ? "" : ` (${action})`}: ${signed(share)}${attention}.`;
    })
    .join("\n");
}

/** Contrast of text and ground at least 7 : 1, of bars and ground at least 3 : 1, in both schemes. */
function style(id: string): string {
  const rules = (ground: string, ink: string, faint: string, adds: string, takes: string) =>
    `#${id} .ground{fill:${ground}}#${id} text{fill:${ink}}#${id} .action{fill:${faint}}#${id} .axis{stroke:${faint}}` +
    `#${id} .adds{fill:${adds}}#${id} .takes{fill:${takes}}#${id} .through{fill:${ground};stroke:${ink}}`;
  return [
    "<style>",
    `#${id} text{font:11px system-ui,sans-serif}#${id} .title{font-size:13px;font-weight:600}#${id} .number{font-variant-numeric:tabular-nums}`,
    `#${id} .through{stroke-width:1.5}`,
    rules("#ffffff", "#1b1f24", "#4a525c", "#1f6fb2", "#b5521b"),
    `@media (prefers-color-scheme:dark){${rules("#14171b", "#f0f2f5", "#b4bdc8", "#5aa9e6", "#f08c4a")}}`,
    "</style>",
  ].join("");
}

/** The dot's area, not its width, is the share. */
function dot(x: number, y: number, part: number): string {
  return `<circle class="through" cx="${x}" cy="${y}" r="${short(1 + 6 * Math.sqrt(part))}"/>`;
}

const percent = (share: number) => `${Math.round(100 * share)} %`;

function signed(share: number): string {
  const rounded = Math.round(100 * share);
  return `${rounded > 0 ? "+" : rounded < 0 ? "−" : ""}${Math.abs(rounded)} %`;
}

const short = (value: number) => String(Number(value.toFixed(2)));

function cut(label: string, longest = longestLabel): string {
  const characters = [...label];
  return characters.length <= longest ? label : `${characters.slice(0, longest - 1).join("")}…`;
}

/** For XML text and attributes; characters that XML has not are dropped. */
function escaped(text: string): string {
  const allowed = [...text].filter((character) => {
    const point = character.codePointAt(0) ?? 0;
    const control = point < 0x20 && point !== 0x9 && point !== 0xa && point !== 0xd;
    return !control && point !== 0xfffe && point !== 0xffff && !(point >= 0xd800 && point <= 0xdfff);
  });
  return allowed
    .join("")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}
