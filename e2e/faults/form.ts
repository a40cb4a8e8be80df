// How long the fault suite takes: the short form belongs to `npm test`, the long one is `npm run test:faults`.

export interface Form {
  name: 'short' | 'long';
  /** How often processes are killed at random moments. */
  killRounds: number;
  /** How often every process is restarted in turn. */
  restartRounds: number;
  /** How often the power is cut, Redis stopped, or failed over. */
  outageRounds: number;
  brokerDownMs: number;
  /** Log events that are acknowledged between two faults. */
  between: number;
  /** The longest pause of a producer between two requests. */
  pauseMsMax: number;
  /** Whether waits that were backed off are cut short once everything is mended. */
  haste: boolean;
  settleMs: number;
}

export const forms: Readonly<Record<Form['name'], Form>> = {
  short: {
    name: 'short',
    killRounds: 4,
    restartRounds: 1,
    outageRounds: 1,
    brokerDownMs: 3_000,
    between: 100,
    pauseMsMax: 400,
    haste: true,
    settleMs: 60_000,
  },
  long: {
    name: 'long',
    killRounds: 20,
    restartRounds: 2,
    outageRounds: 5,
    brokerDownMs: 300_000,
    between: 1_500,
    pauseMsMax: 100,
    haste: false,
    settleMs: 600_000,
  },
};
