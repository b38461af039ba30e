/**
 * As much of PromQL as our alerting rules use, evaluated on series that a test makes up. `@prometheus-io/lezer-promql` parses; whatever isn't listed here is
 * refused, so that no rule is evaluated as something that it doesn't say.
 *
 * One thing is simpler than Prometheus: `increase` is what was counted in the window, without extrapolation to its ends
 * (https://prometheus.io/docs/prometheus/latest/querying/functions/#increase).
 */

import type { SyntaxNode } from "@lezer/common";
import { parser } from "@prometheus-io/lezer-promql";

export type Labels = Readonly<Record<string, string>>;

export interface Series {
  readonly name: string;
  readonly labels: Labels;
  /** In order: at which second, and how much. */
  readonly samples: readonly (readonly [number, number])[];
}

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

type Value = number | readonly Sample[];

/** For how long a sample counts as the newest, in seconds: Prometheus' own lookback. */
const lookback = 300;

export function parsePromql(text: string): SyntaxNode {
  const tree = parser.parse(text);
  tree.iterate({
    enter({ type, from }) {
      if (type.isError) throw new Error(`not PromQL from character ${from} on: ${text.slice(from, from + 40)}`);
    },
  });
  const top = tree.topNode.firstChild;
  if (top === null) throw new Error("an empty expression");
  return top;
}

/** What a rule that asks this would fire for at that second. */
export function evaluate(text: string, series: readonly Series[], at: number): readonly Sample[] {
  const value = resultOf(parsePromql(text));
  if (typeof value === "number") throw new Error("a rule's expression is a vector");
  return value;

  function resultOf(node: SyntaxNode): Value {
    switch (node.name) {
      case "ParenExpr":
        return resultOf(only(childrenOf(node)));
      case "NumberDurationLiteral":
        return Number(wordsOf(node));
      case "VectorSelector":
        return selected(node).flatMap(({ labels, samples }) => {
          const newest = samples.findLast(([when]) => when <= at && when > at - lookback);
          return newest === undefined ? [] : [{ labels, value: newest[1] }];
        });
      case "FunctionCall":
        return called(node);
      case "AggregateExpr":
        return aggregated(node);
      case "BinaryExpr":
        return combined(node);
      default:
        throw new Error(`no rule has needed ${node.name} so far`);
    }
  }

  function selected(node: SyntaxNode): readonly Series[] {
    const name = wordsOf(only(node.getChildren("Identifier")));
    const matchers = matchersOf(node);
    return series.filter((one) => one.name === name && matchers.every((matches) => matches(one.labels)));
  }

  function matchersOf(node: SyntaxNode): readonly ((labels: Labels) => boolean)[] {
    return node.getChildren("LabelMatchers").flatMap((all) =>
      childrenOf(all).map((matcher) => {
        const [label = "", operator = "", quoted = '""'] = childrenOf(matcher).map(wordsOf);
        const wanted = quoted.slice(1, -1);
        if (operator === "=") return (labels: Labels) => (labels[label] ?? "") === wanted;
        if (operator === "=~") return (labels: Labels) => new RegExp(`^(?:${wanted})$`).test(labels[label] ?? "");
        throw new Error(`no rule has needed ${operator} so far`);
      }),
    );
  }

  function called(node: SyntaxNode): Value {
    const name = wordsOf(only(node.getChildren("FunctionIdentifier")));
    if (name === "time") return at;
    const matrix = only(childrenOf(only(node.getChildren("FunctionCallBody"))));
    const over = { increase, max_over_time: (values: readonly number[]) => Math.max(...values) }[name];
    if (over === undefined || matrix.name !== "MatrixSelector") throw new Error(`no rule has needed ${wordsOf(node)} so far`);
    const window = secondsOf(wordsOf(only(matrix.getChildren("DurationExpr"))));
    return selected(only(matrix.getChildren("VectorSelector"))).flatMap(({ labels, samples }) => {
      const values = samples.flatMap(([when, value]) => (when <= at && when >= at - window ? [value] : []));
      return values.length === 0 ? [] : [{ labels, value: over(values) }];
    });
  }

  function aggregated(node: SyntaxNode): Value {
    const by = labelsOf(only(node.getChildren("AggregateModifier")));
    const vector = vectorOf(only(childrenOf(only(node.getChildren("FunctionCallBody")))));
    const groups = Map.groupBy(vector, ({ labels }) => keyOf(labels, by));
    const how = { sum, max: Math.max, min: Math.min }[wordsOf(only(node.getChildren("AggregateOp")))];
    if (how === undefined) throw new Error(`no rule has needed ${wordsOf(node)} so far`);
    return [...groups.values()].map((members) => ({
      labels: among(members[0]?.labels ?? {}, by),
      value: how(...members.map(({ value }) => value)),
    }));
  }

  function combined(node: SyntaxNode): Value {
    const [left, operator, ...rest] = childrenOf(node);
    const right = rest.at(-1);
    if (left === undefined || operator === undefined || right === undefined) throw new Error("two sides");
    const matching = rest.length === 2 ? labelsOf(only(rest.slice(0, 1))) : undefined;
    const [one, other] = [resultOf(left), resultOf(right)];
    const sign = wordsOf(operator);
    if (sign === "and" || sign === "unless" || sign === "or") return setOf(sign, asVector(one), asVector(other), matching);
    const compute = operators[sign];
    if (compute === undefined) throw new Error(`no rule has needed ${sign} so far`);
    const filter = comparisons.includes(sign);
    const keep = (labels: Labels, left: number, right: number): Sample[] => {
      const result = compute(left, right);
      return filter ? (result === 1 ? [{ labels, value: left }] : []) : [{ labels, value: result }];
    };
    if (typeof one === "number" && typeof other === "number") return compute(one, other);
    if (typeof other === "number") return asVector(one).flatMap(({ labels, value }) => keep(labels, value, other));
    if (typeof one === "number") {
      if (filter) throw new Error("a comparison has its vector on the left");
      return other.flatMap(({ labels, value }) => keep(labels, one, value));
    }
    const partners = new Map(other.map((sample) => [keyOf(sample.labels, matching), sample]));
    if (partners.size < other.length) throw new Error(`many to many: ${wordsOf(node)}`);
    return one.flatMap(({ labels, value }) => {
      const partner = partners.get(keyOf(labels, matching));
      return partner === undefined ? [] : keep(labels, value, partner.value);
    });
  }

  function vectorOf(node: SyntaxNode): readonly Sample[] {
    return asVector(resultOf(node));
  }

  function wordsOf({ from, to }: { readonly from: number; readonly to: number }): string {
    return text.slice(from, to);
  }

  /** Of `by (…)` and `on (…)`. */
  function labelsOf(node: SyntaxNode): readonly string[] {
    if (node.getChild("By") === null && node.getChild("On") === null)
      throw new Error(`no rule has needed ${wordsOf(node)} so far`);
    return only(node.getChildren("GroupingLabels")).getChildren("LabelName").map(wordsOf);
  }
}

/** Which series an expression asks for: each with the labels that it names, in matchers and groupings. */
export function askedFor(text: string): readonly { readonly name: string; readonly labels: readonly string[] }[] {
  const found: { name: string; labels: string[] }[] = [];
  const visit = (node: SyntaxNode, grouping: readonly string[]) => {
    const modifier = node.name === "AggregateExpr" ? node.getChild("AggregateModifier")?.getChild("GroupingLabels") : undefined;
    const inner = [...grouping, ...(modifier?.getChildren("LabelName") ?? []).map((label) => text.slice(label.from, label.to))];
    if (node.name === "VectorSelector") {
      const [name] = node.getChildren("Identifier").map(({ from, to }) => text.slice(from, to));
      const labels = node
        .getChildren("LabelMatchers")
        .flatMap((all) => childrenOf(all).map((one) => only(one.getChildren("LabelName"))));
      found.push({ name: name ?? "", labels: [...inner, ...labels.map(({ from, to }) => text.slice(from, to))] });
    }
    for (const child of childrenOf(node)) visit(child, inner);
  };
  visit(parsePromql(text), []);
  return found;
}

const comparisons = ["==", "!=", ">", ">=", "<", "<="];
const operators: Readonly<Record<string, (left: number, right: number) => number>> = {
  "+": (left, right) => left + right,
  "-": (left, right) => left - right,
  "*": (left, right) => left * right,
  "/": (left, right) => left / right,
  "==": (left, right) => Number(left === right),
  "!=": (left, right) => Number(left !== right),
  ">": (left, right) => Number(left > right),
  ">=": (left, right) => Number(left >= right),
  "<": (left, right) => Number(left < right),
  "<=": (left, right) => Number(left <= right),
};

function setOf(
  operator: "and" | "or" | "unless",
  left: readonly Sample[],
  right: readonly Sample[],
  on: readonly string[] | undefined,
): readonly Sample[] {
  const keys = (samples: readonly Sample[]) => new Set(samples.map(({ labels }) => keyOf(labels, on)));
  const [here, there] = [keys(left), keys(right)];
  if (operator === "and") return left.filter(({ labels }) => there.has(keyOf(labels, on)));
  if (operator === "unless") return left.filter(({ labels }) => !there.has(keyOf(labels, on)));
  return [...left, ...right.filter(({ labels }) => !here.has(keyOf(labels, on)))];
}

/** A counter that falls was reset to 0. */
function increase(values: readonly number[]): number {
  return values.reduce((so, value, place) => {
    const before = values[place - 1];
    if (before === undefined) return so;
    return so + (value >= before ? value - before : value);
  }, 0);
}

const sum = (...values: readonly number[]) => values.reduce((so, value) => so + value, 0);

function secondsOf(duration: string): number {
  const [, count, unit] = /^([0-9]+)([smhd])$/.exec(duration) ?? [];
  const seconds = { s: 1, m: 60, h: 3600, d: 86_400 }[unit ?? ""];
  if (seconds === undefined) throw new Error(`no rule has needed ${duration} so far`);
  return Number(count) * seconds;
}

function asVector(value: Value): readonly Sample[] {
  if (typeof value === "number") throw new Error("a vector is needed there");
  return value;
}

const among = (labels: Labels, names: readonly string[] | undefined): Labels =>
  names === undefined
    ? labels
    : Object.fromEntries(names.flatMap((name) => (labels[name] === undefined ? [] : [[name, labels[name]]])));
const keyOf = (labels: Labels, names: readonly string[] | undefined) =>
  JSON.stringify(Object.entries(among(labels, names)).sort(([a], [b]) => (a < b ? -1 : 1)));

function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) children.push(child);
  return children;
}

function only<Element>(elements: readonly Element[]): Element {
  const [element] = elements;
  if (element === undefined || elements.length !== 1) throw new Error(`one, not ${elements.length}`);
  return element;
}
