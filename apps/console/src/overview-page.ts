import { imbalance, isDerivedId, type Destination, type Ledger } from '@logferry/core';
import { explain } from './dead-letter-view';
import { scopeNote, type ScopeOf } from './derived-scopes';
import { addressOfDestination, addressOfTenant } from './destination-address';
import type { HeldDestination } from './held-destinations';
import { html, navigation, page, type Html } from './html';

export interface OverviewRow {
  tenantId: string;
  destination: Destination;
  ledger: Ledger;
}

interface Overview {
  rows: readonly OverviewRow[];
  totals: Ledger;
  /** How many tenants there are that have no row. */
  more: number;
  held: readonly HeldDestination[];
  scopeOf: ScopeOf;
  broken: readonly BrokenConnection[];
  readOnly: boolean;
}

/** A connection that its last test, or check, found not to work. */
export interface BrokenConnection {
  destinationKey: string;
  atMs: number;
  message: string;
}

const counts = ['accepted', 'delivered', 'rejected', 'deadLettered', 'waiting'] as const;
const titles = {
  accepted: 'Accepted',
  delivered: 'Delivered',
  rejected: 'Rejected',
  deadLettered: 'Dead letters',
  waiting: 'Waiting',
};

/** Where all log events are, per destination. The sum must come out; if it does not, that is said loudly. */
export function overviewPage(overview: Overview): string {
  const { rows, totals, more, held, broken } = overview;
  const lost = imbalance(totals);
  return page(
    'Overview',
    html`${navigation}
      <h1>Where the log events are</h1>
      <p class="${lost === 0 ? 'dim' : 'bad'}">
        ${
          lost === 0
            ? 'accepted = delivered + rejected + dead letters + waiting'
            : `The ledger does not balance: ${lost} log events are unaccounted for. This is a fault of ours.`
        }
      </p>
      <table>
        <tr>
          <th>Tenant</th>
          <th>Destination</th>
          ${counts.map((name) => html`<th class="n">${titles[name]}</th>`)}
        </tr>
        ${rows.map(overviewRow)}
        <tr>
          <th>All</th>
          <th></th>
          ${counts.map((name) => html`<th class="n">${totals[name]}</th>`)}
        </tr>
      </table>
      <p class="dim">
        ${totals.discarded > 0 ? `Of the rejected ones and the dead letters, ${totals.discarded} were discarded since.` : ''}
        ${more > 0 ? `${more} more tenants are not shown; the last row counts them too.` : ''}
      </p>
      ${held.length === 0 ? html`` : heldTable(overview)}
      ${broken.length === 0 ? html`` : brokenTable(broken)}`,
  );
}

function brokenTable(broken: readonly BrokenConnection[]): Html {
  return html`<h2>Connections that do not work</h2>
    <p class="dim">By their last test, or the check that is made of each of them once a day.</p>
    <table>
      <tr>
        <th>Destination</th>
        <th>Tested</th>
        <th>What is wrong</th>
      </tr>
      ${broken.map(
        ({ destinationKey, atMs, message }) =>
          html`<tr>
            <td>${destinationKey}</td>
            <td>${new Date(atMs).toISOString()}</td>
            <td>${message}</td>
          </tr>`,
      )}
    </table>`;
}

function heldTable({ held, scopeOf, readOnly }: Overview): Html {
  return html`<h2>Held destinations</h2>
    <p class="dim">
      They do not work, or somebody has suspended them. What waits for them is kept; where they do
      not work, it is tried with one batch now and then. What became too much or too old is among
      the dead letters.
    </p>
    <table>
      <tr>
        <th>Tenant</th>
        <th>Destination</th>
        <th>Why</th>
        <th>Since</th>
        <th>Next try</th>
        <th class="n">Batches</th>
        <th></th>
      </tr>
      ${held.map((one) => heldRow(one, scopeOf(one), readOnly))}
    </table>`;
}

function heldRow(held: HeldDestination, scope: string | undefined, readOnly: boolean): Html {
  const { tenantId, destinationId, sink, kind, code = '', sinceMs, probeAtMs, batches } = held;
  const { message } = explain(code);
  const address = addressOfDestination(held);
  return html`<tr>
    <td>${tenantId}</td>
    <td>
      <a href="${address}">${destinationId}</a><br /><span class="dim">${sink}</span
      >${scopeNote(scope)}
    </td>
    <td>
      <span class="${kind === 'suspended' ? 'bad' : ''}">${kind}: ${code}</span><br /><span
        class="dim"
        >${message}</span
      >
    </td>
    <td>${new Date(sinceMs).toISOString()}</td>
    <td>${probeAtMs === undefined ? 'when it is resumed' : new Date(probeAtMs).toISOString()}</td>
    <td class="n">${batches}</td>
    <td>
      ${readOnly ? '' : html`<form method="post" action="${address}/resume"><button>Try now</button></form>`}
    </td>
  </tr>`;
}

function overviewRow({ tenantId, destination, ledger }: OverviewRow): Html {
  const reasons = Object.entries(ledger.rejectedBy).map(([code, count]) => `${code}: ${count}`);
  const disabled = destination.enabled ? '' : ' (off)';
  return html`<tr>
    <td><a href="${addressOfTenant(tenantId)}">${tenantId}</a></td>
    <td>
      <a href="${addressOfDestination({ tenantId, destinationId: destination.id })}"
        >${destination.id}</a
      >${disabled}<br />
      <span class="dim">${destination.type} in ${destination.region}</span>
      ${scopeNote(isDerivedId(destination.id) ? destination.override?.scope : undefined)}
    </td>
    ${counts.map((name) => html`<td class="n">${ledger[name]}${name === 'rejected' ? reasonList(reasons) : ''}</td>`)}
  </tr>`;
}

function reasonList(reasons: readonly string[]): Html {
  return html`${reasons.map((reason) => html`<br /><span class="dim">${reason}</span>`)}`;
}
