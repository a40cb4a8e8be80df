import { nestLogger, openLogger } from './logger';

/** What is written to standard output meanwhile, as lines of JSON. */
function linesOf(run: () => void): Record<string, unknown>[] {
  const { stdout } = process;
  const write = stdout.write.bind(stdout);
  let text = '';
  stdout.write = (chunk: string | Uint8Array) => {
    text += String(chunk);
    return true;
  };
  try {
    run();
  } finally {
    stdout.write = write;
  }
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test('a line is one object of JSON that says who, when and how bad', () => {
  const [line, ...more] = linesOf(() =>
    openLogger('ingest', 'info').warn({ batchId: 'b1' }, 'a\nb'),
  );
  expect(more).toEqual([]);
  expect(line).toMatchObject({ level: 'warn', app: 'ingest', batchId: 'b1', msg: 'a\nb' });
  expect(Math.abs(Date.parse(String(line?.time)) - Date.now())).toBeLessThan(5_000);
});

test('many logs listen but once for the end of whoever reads them', () => {
  for (let n = 0; n < 20; n++) openLogger('ingest', 'silent');
  expect(process.stdout.listenerCount('error')).toBe(1);
});

test('what is below the level is not logged', () => {
  const lines = linesOf(() => {
    openLogger('ingest', 'warn').info('no');
    openLogger('ingest', 'silent').fatal('no');
  });
  expect(lines).toEqual([]);
});

test.each(['authorization', 'secretAccessKey', 'sessionToken', 'password', 'secret'])(
  'where something else brings a %s along, it is masked',
  (name) => {
    const lines = linesOf(() => {
      const log = openLogger('ingest', 'info');
      log.info({ [name]: 'horse' }, 'x');
      log.info({ headers: { [name]: 'horse' } }, 'x');
      log.info({ request: { headers: { [name]: 'horse' } } }, 'x');
    });
    expect(lines).toHaveLength(3);
    expect(JSON.stringify(lines)).not.toContain('horse');
  },
);

test('an error is logged with its cause, and not with what it carries around', () => {
  const error = Object.assign(new Error('no session', { cause: new Error('STS hung up') }), {
    sessionToken: 'horse',
  });
  const [line] = linesOf(() => openLogger('ingest', 'info').error({ err: error }, 'x'));
  expect(JSON.stringify(line)).toContain('STS hung up');
  expect(JSON.stringify(line)).not.toContain('horse');
});

test("Nest's own words are ours: errors are errors, its reports of wiring are for debugging", () => {
  const lines = linesOf(() => {
    const nest = nestLogger(openLogger('ingest', 'info'));
    nest.log('Mapped {/v1/events, POST} route', 'RouterExplorer');
    nest.error(new Error('it broke'));
    nest.warn('x'.repeat(5_000));
  });
  expect(lines.map(({ level }) => level)).toEqual(['error', 'warn']);
  expect(lines[0]?.msg).toBe('it broke');
  expect(String(lines[1]?.msg)).toHaveLength(1_000);
});
