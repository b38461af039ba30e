/**
 * From a merchant's own SKUs to ids that several merchants share: by a list of pairs, by the number on the product (GTIN), or, for what nobody else sells,
 * by a namespace of its own. A rule depends on nothing but the SKU, so that the catalogue and every import of a log come to the same id.
 */

export interface ItemNaming {
  /** SKU to id; comes before the rules. */
  readonly pairs?: ReadonlyMap<string, string> | undefined;
  /** Whether a SKU that is a GTIN or ISBN names its item by it. */
  readonly gtin?: boolean | undefined;
  /** What becomes of everything else: `NAME:sku`. */
  readonly namespace?: string | undefined;
}

/** Ids by GTIN begin with it, so that no merchant's own number is taken for one. */
export const gtinNamespace = "gtin";

/** A namespace as it may be called: lower case, no colon, and not what GTINs are under. */
export const isNamespace = (name: string): boolean => /^[a-z0-9][a-z0-9-]{0,62}$/.test(name) && name !== gtinNamespace;

/** Undefined where no rule says what the item is called. */
export function sharedIdOf(sku: string, { pairs, gtin, namespace }: ItemNaming): string | undefined {
  const own = sku.trim();
  const paired = pairs?.get(own);
  if (paired !== undefined) return paired;
  const number = gtin === true ? gtinOf(own) : undefined;
  if (number !== undefined) return `${gtinNamespace}:${number}`;
  if (namespace !== undefined) return own === "" ? undefined : `${namespace}:${own}`;
  return gtin === true || pairs !== undefined ? undefined : own;
}

const gtinLengths: ReadonlySet<number> = new Set([8, 12, 13, 14]);

/**
 * The GTIN-14 of a GTIN-8, -12 (UPC-A), -13 (EAN) or -14, or of an ISBN-10 or -13, hyphens and blanks left out; undefined where it is none or its check
 * digit is wrong. GS1 General Specifications, section 7.9: Σ wᵢ·dᵢ ≡ 0 (mod 10) with weights 1, 3, 1, 3, … from the check digit leftwards. ISBN-10 (ISO
 * 2108): Σ (10 − i)·dᵢ ≡ 0 (mod 11), X is ten; its GTIN is 978, the first nine digits, and a new check digit.
 */
export function gtinOf(text: string): string | undefined {
  const digits = text.replace(/[\s-]/g, "");
  if (/^\d{9}[\dXx]$/.test(digits)) return isIsbn10(digits) ? gtinOfIsbn10(digits) : undefined;
  if (!/^\d+$/.test(digits) || !gtinLengths.has(digits.length)) return undefined;
  return checkDigit(digits.slice(0, -1)) === Number(digits.at(-1)) ? digits.padStart(14, "0") : undefined;
}

function checkDigit(body: string): number {
  let sum = 0;
  for (let place = 0; place < body.length; place++) {
    sum += Number(body[body.length - 1 - place]) * (place % 2 === 0 ? 3 : 1);
  }
  return (10 - (sum % 10)) % 10;
}

function isIsbn10(digits: string): boolean {
  const sum = [...digits].reduce((total, digit, place) => {
    return total + (10 - place) * (digit.toUpperCase() === "X" ? 10 : Number(digit));
  }, 0);
  return sum % 11 === 0;
}

function gtinOfIsbn10(digits: string): string {
  const body = `978${digits.slice(0, 9)}`;
  return `${body}${checkDigit(body)}`.padStart(14, "0");
}
