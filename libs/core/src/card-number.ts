// Card numbers in text. What stands beside one is often a number too, such as the seconds of a time or the month that the card ends in:
// so every way is tried in which cards are written, and not only the longest row of digits.

type Replace = (found: string) => string;

/** Of a card's number. https://en.wikipedia.org/wiki/Payment_card_number */
const DIGITS = { min: 13, max: 19 } as const;

/** Digits in groups, with one blank or dash between them. */
const RUN = /\b\d+(?:[ -]\d+)*\b/g;

export function replaceCardNumbers(text: string, replace: Replace): string {
  return text.replace(RUN, (run) => (run.length < DIGITS.min ? run : replaceIn(run, replace)));
}

interface Group {
  from: number;
  to: number;
}

function replaceIn(run: string, replace: Replace): string {
  const groups = [...run.matchAll(/\d+/g)].map(({ index, 0: digits }): Group => {
    return { from: index, to: index + digits.length };
  });
  const cards = cardsIn(run, groups);
  // As a whole it may be grouped in any way.
  if (cards.length === 0) return isCardNumber(run) ? replace(run) : run;
  let replaced = '';
  let done = 0;
  for (const { from, to } of cards) {
    replaced += run.slice(done, from) + replace(run.slice(from, to));
    done = to;
  }
  return replaced + run.slice(done);
}

/** Where cards stand. Of two that overlap nobody can say which is one, so they are taken for one thing. */
function cardsIn(run: string, groups: readonly Group[]): Group[] {
  const cards: Group[] = [];
  for (const [i, { from }] of groups.entries()) {
    const to = endsOf(groups, i).findLast((end) => isCardNumber(run.slice(from, end)));
    const last = cards.at(-1);
    if (to === undefined) continue;
    if (last !== undefined && from < last.to) last.to = Math.max(last.to, to);
    else cards.push({ from, to });
  }
  return cards;
}

/** Where a card may end that begins with a group: in one, by fours and a rest, or as American Express and Diners Club have it. */
function endsOf(groups: readonly Group[], first: number): number[] {
  const digits = (i: number): number => {
    const { from, to } = groups[i] ?? { from: 0, to: 0 };
    return to - from;
  };
  const endOf = (i: number): number => groups[i]?.to ?? 0;
  const length = digits(first);
  if (length >= DIGITS.min && length <= DIGITS.max) return [endOf(first)];
  if (length !== 4) return [];
  if (digits(first + 1) === 6) return [4, 5].includes(digits(first + 2)) ? [endOf(first + 2)] : [];
  const ends: number[] = [];
  let sum = length;
  for (let i = first + 1; digits(i - 1) === 4 && digits(i) >= 1 && digits(i) <= 4; i++) {
    sum += digits(i);
    if (sum > DIGITS.max) break;
    if (sum >= DIGITS.min) ends.push(endOf(i));
  }
  return ends;
}

/** Whether so many digits as a card has have the right check digit. https://en.wikipedia.org/wiki/Luhn_algorithm */
function isCardNumber(text: string): boolean {
  const digits = text.replace(/\D/g, '');
  if (digits.length < DIGITS.min || digits.length > DIGITS.max) return false;
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits.charAt(digits.length - 1 - i));
    const twice = digit * 2;
    sum += i % 2 === 0 ? digit : twice > 9 ? twice - 9 : twice;
  }
  return sum % 10 === 0;
}
