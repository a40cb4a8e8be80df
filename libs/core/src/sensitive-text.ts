// What can be found in text and taken out of it. The patterns are ours, and a tenant names them: each takes time in proportion to the
// text, whatever the text is. With a regular expression of a tenant's own, one long line of the right letters could keep ingest busy
// for minutes.
import { replaceCardNumbers } from './card-number';

/** What may be looked for. */
export const SENSITIVE_TEXTS = {
  email: 'e-mail addresses',
  ipv4: 'IPv4 addresses',
  card_number:
    'card numbers: 13 to 19 digits whose check digit is right, with or without spaces or dashes',
  aws_access_key: 'ids of AWS access keys',
  bearer: 'what stands behind the word Bearer',
  jwt: 'JSON Web Tokens',
} as const;
export type SensitiveText = keyof typeof SENSITIVE_TEXTS;

/** Of less, even the header has no room. */
const JWT_CHARS_MIN = 20;

type Replace = (found: string) => string;

/** Replaces all that is found; a text without any comes back as it is. */
export function replaceSensitive(kind: SensitiveText, text: string, replace: Replace): string {
  switch (kind) {
    case 'email':
      return replaceEmails(text, replace);
    case 'ipv4':
      return text.replace(/\b(?:\d{1,3}\.){3}\d{1,3}\b/g, replace);
    case 'card_number':
      return replaceCardNumbers(text, replace);
    case 'aws_access_key':
      return text.replace(/\b(?:AKIA|ASIA)[A-Z2-7]{16}\b/g, replace);
    case 'bearer':
      return text.replace(
        /\b(bearer {1,8})([\w.~+/=-]{8,})/gi,
        (_, before: string, token: string) => before + replace(token),
      );
    case 'jwt':
      // From the beginning of a word or from behind a dot only, so that no letter is looked at from many beginnings. What stands
      // behind its third part, such as the full stop of a sentence, is not part of it.
      return text.replace(/(?<![\w-])eyJ[\w-]+\.[\w-]+\.[\w-]*/g, (found) =>
        found.length < JWT_CHARS_MIN ? found : replace(found),
      );
  }
}

const LOCAL_CHARS_MAX = 64;
// Letters of scripts that are written with blanks between words: of others, the words beside an address would be taken for a part of it.
const LETTERS = '\\p{Script=Latin}\\p{Script=Greek}\\p{Script=Cyrillic}\\p{M}0-9';
const local = new RegExp(`[${LETTERS}_.%+-]`, 'u');
const domain = new RegExp(`[${LETTERS}-]{1,63}(?:\\.[${LETTERS}-]{1,63}){1,8}`, 'uy');

/** From each @ outwards: a pattern that began with the name would try every letter of a long word as its first. */
function replaceEmails(text: string, replace: Replace): string {
  let redacted = '';
  let done = 0;
  for (let at = text.indexOf('@'); at !== -1; at = text.indexOf('@', at + 1)) {
    let start = at;
    while (start > done && at - start < LOCAL_CHARS_MAX && local.test(text.charAt(start - 1)))
      start--;
    domain.lastIndex = at + 1;
    if (start === at || !domain.test(text)) continue;
    redacted += text.slice(done, start) + replace(text.slice(start, domain.lastIndex));
    done = domain.lastIndex;
  }
  return done === 0 ? text : redacted + text.slice(done);
}
