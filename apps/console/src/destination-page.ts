import { isDerivedId, type Ledger } from '@logferry/core';
import { STEPS } from './connection-step';
import { explain } from './dead-letter-view';
import { addressOfDestination, addressOfTenant } from './destination-address';
import type { LastTest, LookedAt, Setup } from './tenant-look';
import { button, facts, html, navigation, page, type Html } from './html';
import type { ShownDestination } from './shown-destination';

const dones = {
  made: 'The destination is there. What to make in the AWS account for it is printed below; then test the connection.',
  changed: 'The destination was changed.',
  tested: 'The connection was tested: what came of it stands below.',
  testing: 'The test still goes on. Load this page again in a moment.',
  suspended: 'The destination is suspended: what comes for it is kept until it is resumed.',
  resumed: 'It is tried now, with one batch; if that is delivered, the rest follows.',
};
export type DestinationDone = keyof typeof dones;
export const destinationDones = Object.keys(dones) as [DestinationDone, ...DestinationDone[]];

export interface DestinationPageView {
  looked: LookedAt;
  lastTest: LastTest | undefined;
  setup: Setup;
  readOnly: boolean;
  /** What was just done. */
  done: DestinationDone | undefined;
}

export const UNREADABLE = html`<span class="bad"
  >What is stored of it cannot be read: write it anew.</span
>`;

/** A destination: what it is, how it does, and what to make in the account for it. */
export function destinationPage(view: DestinationPageView): string {
  const { looked, lastTest, setup, readOnly, done } = view;
  const { tenantId, destinationId, destination, ledger } = looked;
  const title = `Destination ${destinationId} of ${tenantId}`;
  return page(
    title,
    html`${navigation}
      <p><a href="${addressOfTenant(tenantId)}">Tenant ${tenantId}</a></p>
      <h1>${title}</h1>
      <p>${done === undefined ? '' : dones[done]}</p>
      ${destination === undefined ? html`<p>${UNREADABLE}</p>` : facts(rowsOf(destination, looked))}
      ${readOnly ? html`` : buttons(looked)}
      <h2>Where the log events are</h2>
      ${ledgerTable(ledger)} ${deadLettersLink(looked)}
      ${
        destination === undefined
          ? html``
          : html`<h2>Connection</h2>
              ${testTable(lastTest)} ${setupOf(setup)}
              <details>
                <summary>All of it, as the API tells it</summary>
                <pre>${JSON.stringify(destination, null, 2)}</pre>
              </details>`
      }
      <p class="dim">All times are UTC. As of ${new Date().toISOString()}.</p>`,
  );
}

function rowsOf(destination: ShownDestination, looked: LookedAt): [string, string | Html][] {
  const { type, preset, region, credentials, filter } = destination;
  const isKey = credentials.kind === 'access_key';
  const rows: [string, string | Html][] = [
    ['State', stateOf(looked)],
    ['To', type === 's3' ? 'S3' : 'CloudWatch Logs'],
    ['Region', region],
    ['Preset', preset ?? 'none'],
    ['Types', filter.types?.join(', ') ?? 'all'],
    ['Credentials', credentials.kind],
    isKey ? ['Access key', credentials.accessKeyId] : ['Role', credentials.roleArn],
  ];
  if (credentials.kind === 'assume_role') rows.push(['ExternalId', credentials.externalId]);
  return [...rows, ...placeRows(destination)];
}

function placeRows(destination: ShownDestination): [string, string][] {
  const ofPreset = 'the one of the preset';
  if (destination.type === 's3') {
    const { bucket, path, key, compression } = destination.s3;
    return [
      ['Bucket', bucket],
      ['Path', path === '' ? 'none' : path],
      ['Key', key ?? "env zero's"],
      ['Compression', compression],
    ];
  }
  const { logGroup, logGroupPrefix, logStream } = destination.cloudwatch;
  return [
    ['Log group', `${logGroupPrefix}${logGroup ?? `(${ofPreset})`}`],
    ['Log stream', logStream ?? ofPreset],
  ];
}

/** In a word, and why. */
export function stateOf({ destination, hold }: LookedAt): Html {
  if (destination === undefined) return UNREADABLE;
  const off = destination.enabled ? html`` : html`<span class="dim">switched off</span>`;
  if (hold === undefined) return destination.enabled ? html`<span class="good">on</span>` : off;
  const { kind, code = '', sinceMs, batches } = hold;
  return html`${off} <span class="${kind === 'suspended' ? 'bad' : ''}">${kind}: ${code}</span
    ><br /><span class="dim"
      >${explain(code).message} Since ${new Date(sinceMs).toISOString()}; ${batches} batches wait.
      ${nextTry(hold.probeAtMs)}</span
    >`;
}

function nextTry(probeAtMs: number | undefined): string {
  if (probeAtMs === undefined) return 'It is not tried until it is resumed.';
  return `The next try is at ${new Date(probeAtMs).toISOString()}.`;
}

function buttons(looked: LookedAt): Html {
  const { tenantId, destinationId, destination, hold } = looked;
  const address = addressOfDestination(looked);
  const change = isDerivedId(destinationId)
    ? html`<p class="dim">
        It is made from variables:
        <a
          href="${addressOfTenant(tenantId)}/variables?${new URLSearchParams({ scope: looked.scope ?? '' }).toString()}"
          >change those</a
        >.
      </p>`
    : html`<p><a href="${address}/change">Change it</a></p>`;
  if (destination === undefined) return html`${hold === undefined ? html`` : resume(address)}`;
  const isByHand = hold !== undefined && hold.probeAtMs === undefined;
  return html`${change} ${button(`${address}/test`, 'Test connection')}
  ${isByHand ? html`` : button(`${address}/suspend`, 'Suspend')}
  ${hold === undefined ? html`` : resume(address)}`;
}

function resume(address: string): Html {
  return html`<form method="post" action="${address}/resume">
    <input type="hidden" name="back" value="page" /><button>Resume</button>
  </form>`;
}

const titles = {
  accepted: 'Accepted',
  delivered: 'Delivered',
  rejected: 'Rejected',
  deadLettered: 'Dead letters',
  waiting: 'Waiting',
  discarded: 'Discarded since',
} as const;
const counts = Object.keys(titles) as (keyof typeof titles)[];

function ledgerTable(ledger: Ledger): Html {
  return html`<table>
    <tr>
      ${counts.map((name) => html`<th class="n">${titles[name]}</th>`)}
    </tr>
    <tr>
      ${counts.map((name) => html`<td class="n">${ledger[name]}</td>`)}
    </tr>
  </table>`;
}

function deadLettersLink({ tenantId, destinationId, ledger }: LookedAt): Html {
  if (ledger.rejected + ledger.deadLettered === 0) return html``;
  const query = new URLSearchParams({ tenant: tenantId, destination: destinationId }).toString();
  return html`<p><a href="/dead-letters?${query}">Its dead letters</a></p>`;
}

const STYLES = new Map([
  ['ok', 'good'],
  ['failed', 'bad'],
]);

function testTable(last: LastTest | undefined): Html {
  if (last === undefined) return html`<p class="dim">It was not tested yet.</p>`;
  const { kind, outcome, at, isCurrent, steps } = last;
  return html`<p>
      The last ${kind} <span class="${outcome === 'passed' ? 'good' : 'bad'}">${outcome}</span>, at
      ${at}. ${isCurrent ? '' : 'The destination was changed since.'}
    </p>
    <table>
      ${steps.map(
        (step) =>
          html`<tr>
            <td><span class="${STYLES.get(step.outcome) ?? 'dim'}">${step.outcome}</span></td>
            <td>${STEPS[step.step]}</td>
            <td>
              ${step.message}<br /><span class="dim">${step.code ?? ''}</span>${remediesOf(step)}
            </td>
          </tr>`,
      )}
    </table>`;
}

function remediesOf({ remedies = [] }: LastTest['steps'][number]): Html {
  return html`${remedies.map(
    ({ to, add }) =>
      html`<p>To change, the ${to.replaceAll('_', ' ')}:</p>
        <pre>${JSON.stringify(add, null, 2)}</pre>`,
  )}`;
}

const FORMATS = new Map([
  ['commands', 'Commands of the AWS CLI'],
  ['terraform', 'Terraform'],
  ['cloudformation', 'A CloudFormation template'],
  ['json', 'Trust policy, permission policy and the rest as JSON'],
]);

/** A language at a time, since whoever pastes wants one of them. */
function setupOf({ printed, quickCreateUrl, problem }: Setup): Html {
  return html`<h2>What to make in the AWS account</h2>
    ${problem === undefined ? html`` : html`<p class="bad">${problem}</p>`}
    ${
      quickCreateUrl === undefined
        ? html``
        : html`<p>
            <a href="${quickCreateUrl}" rel="noreferrer">Make it with CloudFormation</a>, in the AWS
            console, with everything filled in.
          </p>`
    }
    ${printed.map(
      ({ format, text }) =>
        html`<details>
          <summary>${FORMATS.get(format) ?? format}</summary>
          <pre>${text}</pre>
        </details>`,
    )}`;
}
