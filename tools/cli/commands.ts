import { applyCommand } from './apply-command';
import { channelsCommand } from './channels-command';
import type { Command } from './command';
import { destinationsCommand } from './destinations-command';
import { doctorCommand } from './doctor-command';
import { exportCommand } from './export-command';
import { importCommand } from './import-command';
import { keysCommand } from './keys-command';
import { policyCommand } from './policy-command';
import { redriveCommand } from './redrive-command';
import { replayCommand } from './replay-command';
import { resealCommand } from './reseal-command';
import { sourcesCommand } from './sources-command';
import { tailCommand } from './tail-command';
import { tenantsCommand } from './tenants-command';
import { testCommand } from './test-command';

/** All commands, in the order in which the help lists them. */
export const commands: readonly Command[] = [
  applyCommand,
  exportCommand,
  importCommand,
  tenantsCommand,
  destinationsCommand,
  sourcesCommand,
  channelsCommand,
  keysCommand,
  policyCommand,
  testCommand,
  redriveCommand,
  replayCommand,
  resealCommand,
  tailCommand,
  doctorCommand,
];
