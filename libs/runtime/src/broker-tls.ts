import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TlsOptions } from 'node:tls';
import type { BrokerAddress } from './broker-connection';
import { ConfigError } from './config';
import type { Secret } from './secret';

/** The names that Kubernetes and cert-manager give these files in a secret. */
const FILES = { ca: 'ca.crt', cert: 'tls.crt', key: 'tls.key' } as const;

/** 127.0.0.0/8, ::1 and the name that means them. */
const LOOPBACK = /^(127(\.\d{1,3}){3}|::1|localhost)$/;

const PLAIN =
  'sessions would travel in clear text: name a folder with certificates, or stay on loopback';

type TlsFolder = Partial<Record<keyof typeof FILES, string>>;

/**
 * How the broker's port for workers is guarded: with TLS, and where there is a `ca.crt`, for those only who show a certificate of it.
 *
 * @returns undefined for plain TCP
 * @throws ConfigError for plain TCP where others than this machine could listen
 */
export function brokerServerTls(host: string, dir: string | undefined): TlsOptions | undefined {
  const name = 'LOGFERRY_BROKER_TLS_DIR';
  if (dir === undefined) {
    if (LOOPBACK.test(host)) return undefined;
    throw new ConfigError([`${name} is not set, and the broker listens on ${host}; ${PLAIN}`]);
  }
  const { ca, cert, key } = readFolder(dir);
  if (cert === undefined || key === undefined)
    throw new ConfigError([`${name} is ${dir}; it must hold ${FILES.cert} and ${FILES.key}`]);
  const mutual = ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: true };
  return { cert, key, minVersion: 'TLSv1.3', ...mutual };
}

interface BrokerClientConfig {
  brokerHost: string;
  brokerPort: number;
  brokerSecret: Secret;
  brokerTlsDir: string | undefined;
}

/**
 * Where the broker is, for whoever asks it. With TLS the broker must show a certificate of `ca.crt` for its host's name.
 *
 * @throws ConfigError for plain TCP to another machine
 */
export function brokerAddress(config: BrokerClientConfig): BrokerAddress {
  const name = 'LOGFERRY_WORKER_BROKER_TLS_DIR';
  const { brokerHost: host, brokerPort: port, brokerSecret: secret, brokerTlsDir: dir } = config;
  if (dir === undefined) {
    if (LOOPBACK.test(host)) return { host, port, secret, tls: undefined };
    throw new ConfigError([`${name} is not set, and the broker is at ${host}; ${PLAIN}`]);
  }
  const { ca, cert, key } = readFolder(dir);
  if (ca === undefined) throw new ConfigError([`${name} is ${dir}; it must hold ${FILES.ca}`]);
  return { host, port, secret, tls: { ca, cert, key, minVersion: 'TLSv1.3' } };
}

function readFolder(dir: string): TlsFolder {
  const read = (file: string): string | undefined => {
    try {
      return readFileSync(join(dir, file), 'utf8');
    } catch {
      return undefined;
    }
  };
  return { ca: read(FILES.ca), cert: read(FILES.cert), key: read(FILES.key) };
}
