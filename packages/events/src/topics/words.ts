/**
 * Text → words to compare: what a customer typed and what a catalogue says, brought to one form.
 *
 * 1. NFKC, and case folded by way of upper case (`ß` and `ẞ` become `ss`, `ς` becomes `σ`). Marks on Latin, Greek and Cyrillic letters are taken off:
 *    `café` is `cafe`. Other marks are vowels and stay.
 * 2. Runs of letters, their marks and digits are words.
 * 3. Han, Hiragana, Katakana, Hangul, Thai, Lao, Khmer and Burmese don't part words by blanks: such a run becomes its pairs of neighbouring characters
 *    (bigrams, as Lucene's CJKAnalyzer has it), one character alone itself.
 * 4. Plurals lose their ending: `-ies` → `-y`, `-sses`, `-xes`, `-zes`, `-ches`, `-shes` without `-es`, other `-s` but for `-ss`, `-us`, `-is`
 *    (Harman 1991, "How effective is suffixing?", the S stemmer, but for `-es`); then words of five letters and more lose an `-e` at their end (`schuhe`, `schuh`).
 *
 * Simple on purpose: every node must come to the same words, whatever its locale or version of a dictionary.
 */

/** What is looked at of a text, in UTF-16 code units: nobody searches by a book. */
const longestText = 400;

const unspaced =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}ー々]+/gu;
const run = /[\p{L}\p{M}\p{N}]+/gu;

/** Words of a text in order, as often as they stand there. */
export function wordsOf(text: string): readonly string[] {
  return (folded(text.slice(0, longestText)).match(run) ?? []).flatMap(wordsOfRun);
}

function folded(text: string): string {
  const unmarked = text
    .normalize("NFKD")
    .replace(/(?<=[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}]\p{M}*)\p{M}/gu, "")
    .normalize("NFKC");
  return unmarked.toUpperCase().toLowerCase().replaceAll("ς", "σ");
}

/** Where scripts meet, words end: `ナイキshoes` is bigrams and a word. */
function wordsOfRun(letters: string): readonly string[] {
  const found: string[] = [];
  let at = 0;
  for (const part of letters.matchAll(unspaced)) {
    if (part.index > at) found.push(stemmed(letters.slice(at, part.index)));
    found.push(...bigrams(part[0]));
    at = part.index + part[0].length;
  }
  if (at < letters.length) found.push(stemmed(letters.slice(at)));
  return found;
}

function bigrams(text: string): readonly string[] {
  const characters = [...text];
  return characters.length < 2 ? characters : characters.slice(1).map((character, place) => `${characters[place]}${character}`);
}

function stemmed(word: string): string {
  const singular = withoutPlural(word);
  return singular.length >= 5 && singular.endsWith("e") ? singular.slice(0, -1) : singular;
}

function withoutPlural(word: string): string {
  if (word.length < 4 || !word.endsWith("s") || /(?:ss|us|is)$/.test(word)) return word;
  if (word.length > 4 && word.endsWith("ies")) return `${word.slice(0, -3)}y`;
  return /(?:ss|x|z|ch|sh)es$/.test(word) ? word.slice(0, -2) : word.slice(0, -1);
}
