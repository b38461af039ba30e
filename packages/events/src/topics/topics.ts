/**
 * Topics: what items of a catalogue have in common by name, its categories, brands and properties. An event without an item (a search, a category's
 * page) may be about one. A topic's number is its place in this list, counted from 1; 0 is none. The list follows from the catalogue alone, so everybody
 * who has the catalogue has the same.
 */

/** What of an item topics are made of. */
export interface TopicalItem {
  readonly category?: string;
  readonly brand?: string;
  readonly attributes?: readonly string[];
}

export const topicKinds = ["category", "brand", "property"] as const;
type TopicKind = (typeof topicKinds)[number];

export interface Topic {
  readonly kind: TopicKind;
  /** As the catalogue has it. */
  readonly value: string;
}

/** `category shoes`, `brand Acme`, `property colour:red`: unlike names for unlike topics. */
export const topicName = ({ kind, value }: Topic): string => `${kind} ${value}`;

/** Each topic of an item once: its category, its brand, its properties. */
export function topicsOfItem({ category, brand, attributes = [] }: TopicalItem): readonly Topic[] {
  return [
    ...(category === undefined ? [] : [{ kind: "category" as const, value: category }]),
    ...(brand === undefined ? [] : [{ kind: "brand" as const, value: brand }]),
    ...[...new Set(attributes)].map((value) => ({ kind: "property" as const, value })),
  ];
}

/** The topics of a catalogue, by name in order of code units. */
export function topicsOf(items: Iterable<TopicalItem>): readonly Topic[] {
  const found = new Map<string, Topic>();
  for (const item of items) for (const topic of topicsOfItem(item)) found.set(topicName(topic), topic);
  return [...found].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, topic]) => topic);
}
