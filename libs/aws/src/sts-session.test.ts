import { RegionalSts } from './sts-session';
import { sharedTransport } from './transport';

test('a tenant that names one Region after the other does not fill the memory with clients', () => {
  const sts = new RegionalSts(sharedTransport({ requestTimeoutMs: 1_000 }));
  const client = sts.client('eu-central-1');
  const isKept = (): boolean => sts.client('eu-central-1') === client;
  expect(isKept()).toBe(true);
  for (let i = 0; i < 100; i++) sts.client(`eu-nowhere-${i}`);
  expect(isKept()).toBe(false);
});
