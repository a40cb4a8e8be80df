// Certificates for the way between workers and broker: made by `npm start` and by docker-compose.yml, where there are none yet. Whoever
// has an authority of their own puts its files into the same folders instead.
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { randomBytes, X509Certificate } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const DAY_MS = 86_400_000;
const LIFE_DAYS = 825;
/** What ends sooner is made anew. */
const LEFT_DAYS_MIN = 60;
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** Under which names workers look for the broker: on this machine, and in the network of docker-compose.yml. */
const BROKER_NAMES: x509.JsonGeneralName[] = [
  { type: 'dns', value: 'localhost' },
  { type: 'dns', value: 'credential-broker' },
  { type: 'ip', value: '127.0.0.1' },
  { type: 'ip', value: '::1' },
];

export interface CertificateFolders {
  broker: string;
  worker: string;
}

/**
 * Makes an authority, and with it a certificate for the broker and one for workers; the authority's own key is thrown away, so nobody
 * can ever make another. What is there and good for long stays.
 */
export async function makeCertificates(dir: string): Promise<CertificateFolders> {
  const folders = { broker: join(dir, 'broker'), worker: join(dir, 'worker') };
  if (Object.values(folders).every((folder) => isGood(join(folder, 'tls.crt')))) return folders;
  x509.cryptoProvider.set(crypto);
  const authorityKeys = await newKeys();
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    ...named('Logferry'),
    keys: authorityKeys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  });
  for (const [name, usage, names] of [
    ['broker', x509.ExtendedKeyUsage.serverAuth, BROKER_NAMES],
    ['worker', x509.ExtendedKeyUsage.clientAuth, [{ type: 'dns', value: 'worker' }]],
  ] as const) {
    const keys = await newKeys();
    const certificate = await x509.X509CertificateGenerator.create({
      ...named(`Logferry ${name}`),
      issuer: authority.subject,
      publicKey: keys.publicKey,
      signingKey: authorityKeys.privateKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([usage]),
        new x509.SubjectAlternativeNameExtension([...names]),
      ],
    });
    const key = await crypto.subtle.exportKey('pkcs8', keys.privateKey);
    mkdirSync(folders[name], { recursive: true, mode: 0o700 });
    const write = (file: string, pem: string): void =>
      writeFileSync(join(folders[name], file), `${pem.trim()}\n`, { mode: 0o600 });
    write('ca.crt', authority.toString('pem'));
    write('tls.key', x509.PemConverter.encode(key, 'PRIVATE KEY'));
    write('tls.crt', certificate.toString('pem'));
  }
  return folders;
}

const newKeys = (): Promise<CryptoKeyPair> =>
  crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);

/** Begins an hour ago: clocks differ. */
function named(name: string) {
  const nowMs = Date.now();
  return {
    serialNumber: `01${randomBytes(15).toString('hex')}`,
    subject: `CN=${name}`,
    name: `CN=${name}`,
    notBefore: new Date(nowMs - 3_600_000),
    notAfter: new Date(nowMs + LIFE_DAYS * DAY_MS),
    signingAlgorithm: ALGORITHM,
  };
}

function isGood(file: string): boolean {
  try {
    const { validTo } = new X509Certificate(readFileSync(file));
    return Date.parse(validTo) - Date.now() > LEFT_DAYS_MIN * DAY_MS;
  } catch {
    return false;
  }
}

if (require.main === module)
  void makeCertificates(process.argv[2] ?? '.').then(({ broker, worker }) =>
    process.stdout.write(`${broker}\n${worker}\n`),
  );
