// The console's API as the commands need it. Addresses and answers: docs/reference/api.md.

/** What the console would not do, in its own words; or that it did not answer at all. */
export class ConsoleProblem extends Error {
  override readonly name = 'ConsoleProblem';

  constructor(
    /** 0 if there was no answer. */
    readonly status: number,
    readonly code: string,
    message: string,
    readonly details: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
  }

  /** What is wrong with what was sent, one by one. */
  get problems(): readonly { path: string; message: string }[] {
    return (this.details.problems ?? []) as { path: string; message: string }[];
  }
}

/** What a record must be for a change of it to happen: of this version, or not there. */
export type Expected = number | 'absent';

interface Asked {
  query?: Readonly<Record<string, string | undefined>>;
  body?: object;
  expected?: Expected | undefined;
  /** What kind of answer is wanted, if not JSON. */
  accept?: string;
  timeoutMs?: number;
}

const TIMEOUT_MS = 30_000;
const PAGE_LIMIT = '200';

export class ConsoleClient {
  constructor(
    readonly url: string,
    private readonly authorization: string,
  ) {}

  /** The id of the key that asks, if it is one. */
  get keyId(): string | undefined {
    return /^Bearer lf_([0-9a-f]{12})_/.exec(this.authorization)?.[1];
  }

  get<T>(path: string, asked: Asked = {}): Promise<T> {
    return this.json('GET', path, asked);
  }

  put<T>(path: string, asked: Asked): Promise<T> {
    return this.json('PUT', path, asked);
  }

  post<T>(path: string, asked: Asked): Promise<T> {
    return this.json('POST', path, asked);
  }

  delete<T>(path: string, asked: Asked = {}): Promise<T> {
    return this.json('DELETE', path, asked);
  }

  /** All of a list, page by page. */
  async list<T>(path: string, field: string, query: Asked['query'] = {}): Promise<T[]> {
    const all: T[] = [];
    let cursor: string | undefined;
    do {
      const page: Record<string, unknown> = await this.get(path, {
        query: { ...query, limit: PAGE_LIMIT, cursor },
      });
      all.push(...(page[field] as T[]));
      cursor = (page.cursor as string | null) ?? undefined;
    } while (cursor !== undefined);
    return all;
  }

  async text(path: string, asked: Asked = {}): Promise<string> {
    return (await this.ask('GET', path, asked)).text();
  }

  /** @throws ConsoleProblem */
  async ask(method: string, path: string, asked: Asked): Promise<Response> {
    const { query = {}, body, expected, accept, timeoutMs = TIMEOUT_MS } = asked;
    const url = new URL(this.url + path);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, value);
    const headers: Record<string, string> = { authorization: this.authorization };
    if (accept !== undefined) headers.accept = accept;
    if (body !== undefined) headers['content-type'] = 'application/json';
    if (expected === 'absent') headers['if-none-match'] = '*';
    else if (expected !== undefined) headers['if-match'] = `"${expected}"`;
    let answer: Response;
    try {
      answer = await fetch(url, {
        method,
        headers,
        redirect: 'manual', // a key is for the console, and not for where somebody sends it on to
        signal: AbortSignal.timeout(timeoutMs),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch (error) {
      throw new ConsoleProblem(0, 'no_answer', `no console answers at ${this.url}: ${why(error)}`);
    }
    if (answer.ok) return answer;
    throw await this.problemOf(answer);
  }

  private async json<T>(method: string, path: string, asked: Asked): Promise<T> {
    const answer = await this.ask(method, path, asked);
    try {
      return (await answer.json()) as T;
    } catch (error) {
      throw new ConsoleProblem(
        answer.status,
        'no_json',
        `what answers at ${this.url} is no console: ${why(error)}`,
      );
    }
  }

  private async problemOf(answer: Response): Promise<ConsoleProblem> {
    const { status } = answer;
    const text = await answer.text().catch(() => '');
    try {
      const { code, message, ...details } = JSON.parse(text) as Record<string, unknown>;
      if (typeof code === 'string' && typeof message === 'string')
        return new ConsoleProblem(status, code, message, details);
    } catch {
      // A proxy's page, or somebody else's answer; its text says nothing to whoever typed the command.
    }
    return new ConsoleProblem(
      status,
      'no_console',
      `what answers at ${this.url} is no console: HTTP ${status}`,
    );
  }
}

/** The reason of a failed fetch, which hides it. */
export function why(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return 'not in time';
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  return cause.message === '' && 'code' in cause ? String(cause.code) : cause.message;
}

/** An address with names in it, which a slash in a name does not lead elsewhere. */
export function path(strings: TemplateStringsArray, ...names: string[]): string {
  return strings.reduce((all, part, i) => all + encodeURIComponent(names[i - 1] ?? '') + part);
}
