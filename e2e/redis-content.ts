// All that a Redis holds and has been told, for a test that looks for what must not be there.
import type { TestRedis } from '@logferry/testing';
import { Redis } from 'ioredis';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Place } from './secret-search';

/**
 * Hears every command of every process from now on, also those that leave nothing behind. On a connection of its own, as it comes: ioredis
 * breaks where a command of somebody's comes in one piece with the answer to its own.
 */
export async function listenToCommands(server: TestRedis): Promise<{
  heard(): Place;
  end(): void;
}> {
  const socket = connect(server.port, '127.0.0.1').setEncoding('utf8');
  const pieces: string[] = [];
  socket.on('data', (piece: string) => pieces.push(piece));
  socket.write('MONITOR\r\n');
  await once(socket, 'data');
  return {
    heard: () => {
      const content = pieces.join('').replaceAll('\\"', '"');
      return { name: 'the commands to Redis', content };
    },
    end: () => socket.destroy(),
  };
}

/** Every key with its value, and every file that the server has written. */
export async function redisContent(server: TestRedis): Promise<Place[]> {
  const client = new Redis(server.url);
  try {
    const places: Place[] = [];
    for (const key of await client.keys('*')) {
      const content = Buffer.concat([Buffer.from(key), ...(await valuesOf(client, key))]);
      places.push({ name: `Redis, ${key}`, content });
    }
    // Compressed, a text would not be found.
    await client.config('SET', 'rdbcompression', 'no');
    await client.save();
    return server.dir === undefined ? places : [...places, ...filesIn(server.dir)];
  } finally {
    client.disconnect();
  }
}

const reads: Readonly<Record<string, readonly [string, ...(string | number)[]]>> = {
  string: ['GET'],
  hash: ['HGETALL'],
  list: ['LRANGE', 0, -1],
  set: ['SMEMBERS'],
  zset: ['ZRANGE', 0, -1],
  stream: ['XRANGE', '-', '+'],
};

async function valuesOf(client: Redis, key: string): Promise<Buffer[]> {
  const type = await client.type(key);
  if (type === 'none') return []; // it has expired since the keys were asked for
  const [command, ...args] = reads[type] ?? [];
  if (command === undefined)
    throw new Error(`${key} is of a type that is not looked into: ${type}`);
  return flat(await client.callBuffer(command, key, ...args));
}

function flat(value: unknown): Buffer[] {
  if (Buffer.isBuffer(value)) return [Buffer.from('\n'), value];
  return Array.isArray(value) ? value.flatMap(flat) : [];
}

function filesIn(dir: string): Place[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => ({
      name: `the file ${name} of Redis`,
      content: readFileSync(join(parentPath, name)),
    }));
}
