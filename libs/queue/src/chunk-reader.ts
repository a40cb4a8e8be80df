import { chunkTimes, TIMES_BYTES, type ChunkTimes } from './chunk-codec';
import type { RedisClient } from './redis-connection';

/** What is known of a chunk without reading it. */
export interface ChunkHead {
  /** Nothing where the chunk does not say. */
  times: ChunkTimes | undefined;
  packedBytes: number;
}

/** The chunks of a batch, in the order in which they were appended. */
export interface ChunkReader {
  heads(): AsyncIterable<ChunkHead>;
  /** @param places each chunk's place among all, in any order; the answer is in the same */
  read(places: readonly number[]): Promise<Buffer[]>;
}

/** ARGV: the first and the last place. Returns the beginning and the length of each chunk between them. */
const headsScript = `
local heads = {}
for _, chunk in ipairs(redis.call('LRANGE', KEYS[1], ARGV[1], ARGV[2])) do
  heads[#heads + 1] = string.sub(chunk, 1, ${TIMES_BYTES})
  heads[#heads + 1] = #chunk
end
return heads
`;

interface Scripts {
  lfChunkHeadsBuffer(chunks: string, from: number, to: number): Promise<(Buffer | number)[]>;
}

/** Redis copies each chunk of a page and serves nobody else meanwhile: some 2 MiB, and 1 ms. */
const HEADS_A_PAGE = 100;

/** Chunks that stay in Redis until they are needed. */
export class RedisChunks implements ChunkReader {
  private readonly scripts: Scripts;

  constructor(
    private readonly redis: RedisClient,
    private readonly key: string,
  ) {
    redis.defineCommand('lfChunkHeads', { numberOfKeys: 1, lua: headsScript });
    this.scripts = redis as unknown as Scripts;
  }

  async *heads(): AsyncGenerator<ChunkHead, void, void> {
    for (let from = 0; ; from += HEADS_A_PAGE) {
      const to = from + HEADS_A_PAGE - 1;
      const page = await this.scripts.lfChunkHeadsBuffer(this.key, from, to);
      for (let i = 0; i < page.length; i += 2) {
        yield { times: chunkTimes(page[i] as Buffer), packedBytes: page[i + 1] as number };
      }
      if (page.length < 2 * HEADS_A_PAGE) return;
    }
  }

  async read(places: readonly number[]): Promise<Buffer[]> {
    const runs = runsOf(places);
    const found = new Map<number, Buffer>();
    // Sent together, answered together: one way there and back.
    await Promise.all(
      runs.map(async ([from, to]) => {
        const chunks = await this.redis.lrangeBuffer(this.key, from, to);
        chunks.forEach((chunk, i) => found.set(from + i, chunk));
      }),
    );
    return places.flatMap((place) => found.get(place) ?? []);
  }
}

/** Places that follow each other are read together. */
function runsOf(places: readonly number[]): [from: number, to: number][] {
  const runs: [number, number][] = [];
  for (const place of [...places].sort((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last?.[1] === place - 1) last[1] = place;
    else runs.push([place, place]);
  }
  return runs;
}
