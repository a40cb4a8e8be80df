// npm run apply -- FILE: writes tenants and their destinations into the store, and makes keys.
import { Destination, Tenant } from '@logferry/core';
import { ConfigStore, mintKey } from '@logferry/store';
import { Redis } from 'ioredis';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { z } from 'zod';

const HELP = `Writes tenants, their destinations and keys into Logferry's store.

  npm run apply -- FILE [--redis URL]

FILE is JSON, or - for standard input; an example is tools/samples/tenants.json:

  {
    "tenants": [{ "id": "acme", "name": "Acme", "destinations": [ … ] }],
    "keys": [{ "name": "acme-ci", "tenant": "acme" }, { "name": "platform" }]
  }

Tenants and destinations that are there already are written over; none is deleted. A key is made every time and shown once:
one with a tenant may send for that tenant, one without for all. Running processes see changes within a second.

  --redis URL   where Redis is (default: $REDIS_URL, else redis://127.0.0.1:6379)
`;

const File = z.strictObject({
  tenants: z
    .array(Tenant.extend({ destinations: z.array(Destination).max(20).default([]) }))
    .default([]),
  keys: z
    .array(z.strictObject({ name: z.string().min(1).max(100), tenant: Tenant.shape.id.optional() }))
    .default([]),
});

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { help: { type: 'boolean', short: 'h', default: false }, redis: { type: 'string' } },
  });
  const [file] = positionals;
  if (values.help || file === undefined) {
    process.stdout.write(HELP);
    return values.help ? 0 : 2;
  }
  const parsed = File.safeParse(readJson(file));
  if (!parsed.success) {
    const problems = parsed.error.issues.map(
      ({ path, message }) => `  - ${path.join('.')}: ${message}`,
    );
    process.stderr.write(
      `${file} is not usable, and nothing was written:\n${problems.join('\n')}\n`,
    );
    return 1;
  }
  const redis = new Redis(values.redis ?? process.env.REDIS_URL ?? 'redis://127.0.0.1:6379', {
    maxRetriesPerRequest: 1,
  });
  try {
    await apply(new ConfigStore(redis), parsed.data);
  } finally {
    redis.disconnect();
  }
  return 0;
}

function readJson(file: string): unknown {
  const text = readFileSync(file === '-' ? 0 : file, 'utf8');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${file} is not JSON: ${error instanceof Error ? error.message : ''}`, {
      cause: error,
    });
  }
}

async function apply(store: ConfigStore, { tenants, keys }: z.infer<typeof File>): Promise<void> {
  for (const { destinations, ...tenant } of tenants) {
    await store.putTenant(tenant);
    for (const destination of destinations) await store.putDestination(tenant.id, destination);
    process.stdout.write(
      `tenant ${tenant.id}: ${destinations.map(({ id }) => id).join(', ') || 'no destinations'}\n`,
    );
  }
  for (const { name, tenant } of keys) {
    const { text, key } = mintKey(name, tenant, Date.now());
    await store.putKey(key);
    process.stdout.write(`key ${name} for ${tenant ?? 'the platform'}, shown this once: ${text}\n`);
  }
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  },
);
