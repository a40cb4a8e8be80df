import { TENANT_PLACEHOLDER } from '@logferry/core';
import { ConfigError } from '@logferry/runtime';
import type { BrokerConfig } from './config';
import { FileTokens, HttpTokens } from './external-tokens';
import { externalIssuerProblem } from './issuer';
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
  const { tokenIssuerUrl } = config;
  const problem = tokenIssuerUrl === undefined ? undefined : externalIssuerProblem(tokenIssuerUrl);
  if (problem !== undefined)
    throw new ConfigError([
      `LOGFERRY_BROKER_TOKEN_ISSUER_URL is ${String(tokenIssuerUrl)}; it ${problem}`,
    ]);
  if (tokenSource === 'file') {
    if (tokenFile === undefined) throw lacking('LOGFERRY_BROKER_TOKEN_FILE');
    return new FileTokens(tokenFile, config.tokenSubject);
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
    subject: config.tokenSubject,
    timeoutMs: config.stsTimeoutMs,
  });
}

/** What an operator must know of a source that is not ours: each a sentence. */
export function tokenSourceWarnings(
  { tokenSource, tokenIssuerUrl, tokenSubject }: BrokerConfig,
  { isPerTenant = true }: TokenSource,
): string[] {
  if (tokenSource === 'own') return [];
  const warnings: string[] = [];
  if (!isPerTenant)
    warnings.push(
      'all tenants have one identity token: AWS cannot tell them apart, any tenant may name the role of any other, and no test can find that out',
    );
  if (!isPerTenant && tokenSubject.includes(TENANT_PLACEHOLDER))
    warnings.push(
      'the trust policies that the console prints demand a subject for each tenant, which these tokens do not have: LOGFERRY_BROKER_TOKEN_SUBJECT is to say what they have',
    );
  if (tokenIssuerUrl === undefined)
    warnings.push(
      "the trust policies that the console prints name this broker's own issuer, whose tokens STS is not shown: LOGFERRY_BROKER_TOKEN_ISSUER_URL is to name theirs",
    );
  return warnings;
}

const lacking = (name: string): ConfigError =>
  new ConfigError([`${name} is not set; LOGFERRY_BROKER_TOKEN_SOURCE needs it`]);
