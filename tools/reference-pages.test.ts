// The reference pages that are written by hand, held against the sources: a code, a metric or a setting that is missing here,
// superfluous or told otherwise fails.
import { cloudWatchWorkerSettings } from '../apps/cloudwatch-worker/src/config';
import { ingestSettings } from '../apps/ingest/src/config';
import { s3WorkerSettings } from '../apps/s3-worker/src/config';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

const production = execFileSync('git', ['ls-files', 'apps', 'libs'], { cwd: ROOT })
  .toString()
  .split('\n')
  .filter((file) => /\.ts$/.test(file) && !/\.test\.ts$|^libs\/testing\//.test(file));

/** The rows of a page's tables, cell by cell. */
function rowsOf(page: string): string[][] {
  return read(page)
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    );
}

const sorted = (values: Iterable<string>): string[] => [...new Set(values)].sort();

describe('api.md', () => {
  const rows = rowsOf('docs/reference/api.md');

  test('has every code that a log event is refused with, and no other', () => {
    const inCode = read('libs/core/src/log-event.ts').matchAll(/^ {2}\| '(event\.\w+)'/gm);
    const inPage = rows.flatMap(([first = '']) => /^`(event\.\w+)`$/.exec(first)?.[1] ?? []);
    expect(sorted(inPage)).toEqual(sorted([...inCode].map(([, code = '']) => code)));
  });

  test('has every problem of ingest and of the console with its status, and no other', () => {
    const thrown = production
      .filter((file) => /^(apps\/(ingest|console)|libs\/runtime)\//.test(file))
      .flatMap((file) => [...read(file).matchAll(/RequestProblem\(\s*(\d+),\s*'([\w.]+)'/g)])
      .map(([, status, code]) => `${status} ${code}`);
    const byStatus = [
      ...read('libs/runtime/src/request-problem.ts').matchAll(/^ {2}(\d+): \['([\w.]+)'/gm),
    ].map(([, status, code]) => `${status} ${code}`);
    const inPage = rows.flatMap(([status = '', code = '']) =>
      /^(\d\d\d|4xx)$/.test(status) ? [`${status} ${code.replaceAll('`', '')}`] : [],
    );
    expect(thrown.length).toBeGreaterThan(10);
    expect(byStatus.length).toBeGreaterThan(4);
    expect(sorted(inPage)).toEqual(
      sorted([...thrown, ...byStatus, '4xx request.refused', '500 internal']),
    );
  });

  test('names no code that the sources do not have', () => {
    const sources = production.map(read).join('\n');
    const named = [...read('docs/reference/api.md').matchAll(/`([a-z]+\.[a-z0-9]+_[a-z0-9_]+)`/g)];
    expect(named.length).toBeGreaterThan(30);
    expect(named.filter(([, code = '']) => !sources.includes(`'${code}'`))).toEqual([]);
  });
});

describe('what each setting costs, in DELIVERY.md,', () => {
  const section =
    /^## What each setting costs\n(.*?)^## /ms.exec(read('docs/DELIVERY.md'))?.[1] ?? '';
  const named = sorted(
    section
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .flatMap((line) => [...(line.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)])
      .map(([, name = '']) => name),
  );
  const isSetting = (name: string): boolean => name.startsWith('LOGFERRY_');

  test('is said of every setting of ingest and of the workers, and of no other', () => {
    // Where something is, who it is, and what is logged.
    const elsewhere =
      /_(HOST|PORT|KEY|SECRET|TOKEN|TLS_DIR|LOG_LEVEL|FORCE_PATH_STYLE)$|^REDIS_URL$/;
    const settings = [ingestSettings, cloudWatchWorkerSettings, s3WorkerSettings]
      .flatMap((of) => Object.values<{ name: string }>(of))
      .map(({ name }) => name)
      .filter((name) => !elsewhere.test(name))
      .map((name) => name.replace(/_(CLOUDWATCH|S3)_WORKER_/, '_*_WORKER_'));
    expect(named.filter(isSetting)).toEqual(sorted(settings));
  });

  test('is said of every field of a destination that shapes its delivery, and of no other', () => {
    const page = read('docs/reference/destinations.md');
    const fieldsOf = (heading: string): string[] => {
      const [, below = ''] = page.split(`\n## ${heading}\n`);
      const [tables = ''] = below.split(/\n##/);
      return [...tables.matchAll(/^\| `([\w.]+)` \|/gm)].map(([, name = '']) => name);
    };
    const elsewhere = ['id', 'enabled', 'region', 'credentials', 'override.scope', 'preset'];
    const fields = ['Every destination', '`"type": "cloudwatch"`', '`"type": "s3"`'].flatMap(
      fieldsOf,
    );
    expect(fields.length).toBeGreaterThan(30);
    expect(named.filter((name) => !isSetting(name))).toEqual(
      sorted(fields.filter((name) => !elsewhere.includes(name))),
    );
  });
});

test('metrics.md has every metric with its kind, its labels and its help, and no other', () => {
  const inCode = production.flatMap((file) =>
    [
      ...read(file).matchAll(
        /\.(counter|gauge|histogram)\(\s*'(\w+)',\s*'([^']+)'(?:,\s*\[(['\w,\s]*)\])?/g,
      ),
      ...read(file).matchAll(
        /new (Gauge)\(\{\s*name: '(\w+)',\s*help: '([^']+)',\s*(?:labelNames: \[(['\w,\s]*)\])?/g,
      ),
    ].map(([, kind = '', name = '', help = '', labels = '']) =>
      [
        `\`logferry_${name.replace(/^logferry_/, '')}\``,
        kind.toLowerCase(),
        // A histogram's third argument is its buckets, which are numbers.
        (labels.match(/[a-z]\w*/g) ?? []).map((label) => `\`${label}\``).join(', '),
        help,
      ].join(' | '),
    ),
  );
  const inPage = rowsOf('docs/reference/metrics.md')
    .filter(([name = '', kind = '']) => name.startsWith('`logferry_') && kind !== '')
    .filter(({ length }) => length === 5)
    .map(([name, kind, labels, , help]) => [name, kind, labels, help].join(' | '));
  expect(inCode.length).toBeGreaterThan(8);
  expect(sorted(inPage)).toEqual(sorted(inCode));
});

test('metrics.md names no metric that there is not', () => {
  const sources = production.map(read).join('\n');
  const named = sorted(read('docs/reference/metrics.md').match(/logferry_\w+/g) ?? []);
  const bare = named.map((name) => name.replace('logferry_', ''));
  expect(bare.filter((name) => !new RegExp(`'(logferry_)?${name}'`).test(sources))).toEqual([]);
});
