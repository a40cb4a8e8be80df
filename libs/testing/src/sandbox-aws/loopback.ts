// The control API and the page belong to this machine. A web page from elsewhere must not reach them through the visitor's
// browser, neither by a cross-site request nor by a host name that has been pointed at 127.0.0.1 (DNS rebinding).
import type { IncomingMessage } from 'node:http';

export function isLoopbackHost(host: string): boolean {
  const name = host
    .toLowerCase()
    .replace(/:\d+$/u, '')
    .replace(/^\[(.*)\]$/u, '$1');
  return name === 'localhost' || name === '::1' || /^127(\.\d{1,3}){3}$/u.test(name);
}

/** Why the request is refused, or undefined where it may pass. */
export function findIntrusion(message: IncomingMessage): string | undefined {
  const { host = '', origin } = message.headers;
  if (!isLoopbackHost(host)) {
    return 'The control API and the page answer only under a loopback name: use http://localhost or http://127.0.0.1.';
  }
  if (origin !== undefined && origin !== `http://${host}`) {
    return 'The control API does not answer pages of other sites.';
  }
  const site = message.headers['sec-fetch-site'];
  const isNavigation = message.headers['sec-fetch-mode'] === 'navigate' && message.method === 'GET';
  if (site !== undefined && site !== 'same-origin' && site !== 'none' && !isNavigation) {
    return 'The control API does not answer pages of other sites.';
  }
  return undefined;
}
