import { ID_DIGITS, ID_MARK, type BenchPlan } from './plan';

/** Numbers by chance, the same at every run. */
class Chance {
  private state: number;

  constructor(seed: number) {
    this.state = ((seed + 1) * 2_654_435_761) >>> 0;
  }

  below(bound: number): number {
    this.state = (Math.imul(this.state, 1_664_525) + 1_013_904_223) >>> 0;
    return (this.state >>> 8) % bound;
  }

  of<T>(values: readonly [T, ...T[]]): T {
    return values[this.below(values.length)] ?? values[0];
  }

  hex(digits: number): string {
    let text = '';
    while (text.length < digits) text += this.below(0x10000).toString(16).padStart(4, '0');
    return text.slice(0, digits);
  }
}

const MODULES = ['vpc', 'eks', 'rds', 'api', 'worker', 'bastion', 'dns', 'cdn'] as const;
const RESOURCES = [
  'aws_subnet.private',
  'aws_security_group.this',
  'aws_iam_role.task',
  'aws_ecs_service.main',
  'aws_route53_record.www',
] as const;

/** What a deployment writes: the same few sentences with ever other names and ids, a quote now and then. */
function logText(chance: Chance, chars: number): string {
  let text = '';
  while (text.length < chars) {
    const name = `module.${chance.of(MODULES)}.${chance.of(RESOURCES)}[${chance.below(12)}]`;
    const sentence = [
      `${name}: Refreshing state... [id=subnet-0${chance.hex(16)}] `,
      `${name}: Still creating... [${chance.below(90)}0s elapsed] `,
      `${name}: Modifications complete after ${chance.below(300)}s [id=arn:aws:ecs:eu-central-1:123456789012:service/prod/${chance.hex(8)}] `,
      `level=info ts=2026-11-21T10:48:${chance.below(60)}.${chance.below(1_000)}Z caller=apply.go:${chance.below(900)} run=${chance.hex(12)} msg=done `,
    ][chance.below(4)];
    text +=
      chance.below(16) === 0
        ? `  + name = "prod-${chance.hex(6)}" -> "${chance.hex(6)}" `
        : (sentence ?? '');
  }
  return text.slice(0, chars);
}

const SYLLABLES = [
  'ser',
  'vi',
  'ce',
  'plan',
  'ap',
  'ply',
  'lo',
  'ck',
  'sta',
  'te',
  're',
  'sour',
  'ro',
  'le',
  'net',
  'mo',
  'du',
] as const;

/** Words by chance: text that hardly compresses, as logs do not look. */
function wordText(chance: Chance, chars: number): string {
  let text = '';
  while (text.length < chars) {
    for (let syllables = 1 + chance.below(3); syllables > 0; syllables--)
      text += chance.of(SYLLABLES);
    text += ' ';
  }
  return text.slice(0, chars);
}

const SENTENCE =
  'aws_ecs_service.api: Still modifying... [id=arn:aws:ecs:eu-central-1:123456789012:service/prod/api, 10s elapsed] ';

const fills = {
  same: (_: Chance, chars: number) =>
    SENTENCE.repeat(Math.ceil(chars / SENTENCE.length)).slice(0, chars),
  logs: logText,
  words: wordText,
};

/**
 * A message of exactly so many bytes when it is delivered, with room for an id behind the mark.
 *
 * @param n which one of the many different ones
 */
export function benchMessage({ eventBytes, message, text }: BenchPlan, n: number): unknown {
  const id = `${ID_MARK}${'0'.repeat(ID_DIGITS)}`;
  const chance = new Chance(n);
  const fill = (chars: number): string => fills[text](chance, chars);
  if (message === 'text') return `${id} ${fill(eventBytes - id.length - 1)}`;
  const object = { seq: id, type: 'deployment', msg: '' };
  const room = eventBytes - JSON.stringify(object).length;
  // Quotes take two bytes inside of JSON; cut until it fits, then fill up.
  let msg = fill(room);
  while (JSON.stringify(msg).length - 2 > room) msg = msg.slice(0, -1);
  return { ...object, msg: msg + '.'.repeat(room - (JSON.stringify(msg).length - 2)) };
}
