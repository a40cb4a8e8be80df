import { ConfigError } from '@logferry/runtime';
import type { BrokerConfig } from './config';
import { FileTokens, HttpTokens } from './external-tokens';
import type { TokenSource } from './session-fetcher';

const LOOPBACK = /^(127\.0\.0\.1|\[::1\]|localhost)$/;

/**
 * Whose tokens STS is shown.
 *
 * @throws ConfigError naming everything that the source lacks
 */
export function tokenSourceOf(config: BrokerConfig, own: TokenSource): TokenSource {
  const { tokenSource, tokenFile, tokenUrl, tokenClientId, tokenClientSecret } = config;
  if (tokenSource === 'own') return own;
  if (tokenSource === 'file') {
    if (tokenFile === undefined) throw lacking('LOGFERRY_BROKER_TOKEN_FILE');
    return new FileTokens(tokenFile);
  }
  if (tokenUrl === undefined) throw lacking('LOGFERRY_BROKER_TOKEN_URL');
  if (tokenClientId === undefined) throw lacking('LOGFERRY_BROKER_TOKEN_CLIENT_ID');
  if (tokenClientSecret === undefined) throw lacking('LOGFERRY_BROKER_TOKEN_CLIENT_SECRET');
  const { protocol, hostname } = URL.parse(tokenUrl) ?? {};
  if (protocol !== 'https:' && !(protocol === 'http:' && LOOPBACK.test(hostname ?? '')))
    throw new ConfigError(['LOGFERRY_BROKER_TOKEN_URL must begin with https://']);
  return new HttpTokens({
    url: tokenUrl,
    clientId: tokenClientId,
    clientSecret: tokenClientSecret,
    parameters: config.tokenParameters,
    timeoutMs: config.stsTimeoutMs,
  });
}

const lacking = (name: string): ConfigError =>
  new ConfigError([`${name} is not set; LOGFERRY_BROKER_TOKEN_SOURCE needs it`]);
