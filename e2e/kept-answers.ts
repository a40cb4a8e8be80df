import { CONSOLE_PASSWORD } from './app-environment';
import type { Place } from './secret-search';
import type { Stack } from './stack';

interface Call {
  method?: string;
  body?: unknown;
  /** Instead of the console's password. */
  authorization?: string;
  headers?: Record<string, string>;
  /** What is told once, and may be: this answer is not kept. */
  isTold?: true;
}

/** Calls of processes, with everything that they answered. */
export function keptAnswers(stackOf: () => Stack) {
  const answers: Place[] = [];
  const keep = (place: Place): void => void answers.push(place);

  /** Calls the console, or another process by its whole address. */
  async function call(path: string, { method = 'GET', body, ...call }: Call = {}) {
    const password = Buffer.from(`admin:${CONSOLE_PASSWORD}`).toString('base64');
    const answer = await fetch(path.startsWith('http') ? path : `${stackOf().consoleUrl}${path}`, {
      method,
      redirect: 'manual',
      headers: {
        authorization: call.authorization ?? `Basic ${password}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...call.headers,
      },
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    // Who logs in is given the login.
    const headers = [...answer.headers].filter(([name]) => name !== 'set-cookie');
    if (call.isTold !== true)
      keep({
        name: `the answer ${answer.status} to ${method} ${path}`,
        content: `${headers.map((header) => header.join(': ')).join('\n')}\n\n${text}`,
      });
    return { status: answer.status, text, headers: answer.headers };
  }

  return { answers, keep, call };
}
