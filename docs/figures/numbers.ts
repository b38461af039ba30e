/** How figures are written: thousands by commas, so many decimals or significant digits, ranges with a dash. */

/** A number, or `[lowest, highest]` of several runs. */
export type Figure = number | readonly number[];

/** With exactly so many decimals; without: as it stands in the record. */
export function decimals(value: Figure, digits?: number): string {
  return spread(value, (one) => written(one, digits));
}

/** With so many significant digits, without an exponent. */
export function significant(value: Figure, digits: number): string {
  return spread(value, (one) => {
    const rounded = Number(one.toPrecision(digits));
    const places = rounded === 0 ? 0 : Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(rounded))));
    return written(rounded, places);
  });
}

/** As NDCG is written: `.416`. */
export function fraction(value: Figure, digits = 3): string {
  return spread(value, (one) => (one === 0 ? "0" : written(one, digits).replace(/^(−?)0\./, "$1.")));
}

/** @param value multiplied by `factor`, a range's both ends */
export function scaled(value: Figure, factor: number): Figure {
  return typeof value === "number" ? value * factor : value.map((one) => one * factor);
}

function spread(value: Figure, write: (one: number) => string): string {
  if (typeof value === "number") return write(value);
  const [low, high] = [value[0], value.at(-1)].map((one) => (one === undefined ? "" : write(one)));
  return low === high ? `${low}` : `${low}–${high}`;
}

/** 12101 → 12,101; below zero a true minus. */
function written(value: number, digits?: number): string {
  const [whole = "", after] = (digits === undefined ? String(Math.abs(value)) : Math.abs(value).toFixed(digits)).split(".");
  const parted = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  const text = after === undefined ? parted : `${parted}.${after}`;
  return value < 0 && /[1-9]/.test(text) ? `−${text}` : text;
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(texts: readonly string[]): string {
  return texts.length < 2 ? texts.join("") : `${texts.slice(0, -1).join(", ")} and ${texts.at(-1)}`;
}

/** A Markdown table. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`.replaceAll("|  |", "| |");
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n").replaceAll("|  |", "| |");
}
