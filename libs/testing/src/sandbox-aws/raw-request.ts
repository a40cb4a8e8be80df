// One HTTP request exactly as a test writes it, for what no SDK would send: a wrong host, a known signature, a broken body.
import { request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';

export interface RawRequest {
  readonly port: number;
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
}

export interface RawAnswer {
  readonly httpStatus: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export async function sendRaw(wanted: RawRequest): Promise<RawAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<RawAnswer>();
  const outgoing = request({
    host: '127.0.0.1',
    port: wanted.port,
    method: wanted.method ?? 'GET',
    path: wanted.path ?? '/',
    headers: wanted.headers ?? {},
    agent: false,
  });
  outgoing.on('error', reject);
  outgoing.on('response', (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('error', reject);
    response.on('end', () => {
      resolve({
        httpStatus: response.statusCode ?? 0,
        headers: response.headers,
        text: Buffer.concat(chunks).toString('utf8'),
      });
    });
  });
  outgoing.end(wanted.body);
  return promise;
}
