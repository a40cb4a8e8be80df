// Looks for secrets in everything that a run has left behind, also where they were written in another way.

export interface Secret {
  name: string;
  /** Bytes, for what is text nowhere, such as a key. */
  text: string | Buffer;
}

export interface Place {
  name: string;
  content: Buffer | string;
}

/** Shorter than this, what is left of a text in base64 would be found by chance. */
const CHARS_MIN = 8;

/** The ways in which it may be written somewhere, as the bytes of each in Latin-1. */
export function formsOf(secret: string | Buffer): ReadonlyMap<string, string> {
  const bytes = Buffer.from(secret);
  const forms = new Map([
    ['as it is', bytes.toString('latin1')],
    ['in hexadecimal', bytes.toString('hex')],
  ]);
  if (typeof secret === 'string') {
    const json = JSON.stringify(secret).slice(1, -1);
    forms.set('in JSON', json);
    forms.set('in JSON in JSON', JSON.stringify(json).slice(1, -1));
    forms.set('in JSON with its slashes escaped', json.replaceAll('/', '\\/'));
    forms.set('in a URL', encodeURIComponent(secret));
    forms.set('in HTML', secret.replaceAll('&', '&amp;').replaceAll('"', '&quot;'));
  }
  for (const encoding of ['base64', 'base64url'] as const) {
    for (const before of [0, 1, 2]) {
      const inside = withoutEdges(bytes, before, encoding);
      if (inside.length >= CHARS_MIN) forms.set(`in ${encoding}, ${before} bytes in`, inside);
    }
  }
  return forms;
}

/** What stands in base64 of any text that holds these bytes so many bytes after a multiple of three. */
function withoutEdges(bytes: Buffer, before: number, encoding: BufferEncoding): string {
  const skipped = (3 - before) % 3;
  const whole = bytes.length - skipped - ((bytes.length - skipped) % 3);
  return bytes.subarray(skipped, skipped + whole).toString(encoding);
}

/** Each find in words that do not repeat the secret. */
export function findSecrets(secrets: readonly Secret[], places: readonly Place[]): string[] {
  const wanted = secrets.flatMap(({ name, text }) => {
    if (text.length < CHARS_MIN) throw new Error(`${name} is too short to be looked for`);
    return [...formsOf(text)].map(([form, written]) => ({ name, form, written }));
  });
  return places.flatMap(({ name: place, content }) => {
    // Byte by byte: in UTF-8, what stands beside an invalid byte could be lost.
    const text = Buffer.from(content).toString('latin1');
    const found = wanted.filter(({ written }) => text.includes(written));
    const names = new Map(found.reverse().map(({ name, form }) => [name, form]));
    return [...names].map(([name, form]) => `${name} ${form} in ${place}`);
  });
}
