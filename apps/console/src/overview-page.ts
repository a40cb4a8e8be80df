import { imbalance, type Destination, type Ledger } from '@logferry/core';
import { html, navigation, page, type Html } from './html';

export interface OverviewRow {
  tenantId: string;
  destination: Destination;
  ledger: Ledger;
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
export function overviewPage(rows: readonly OverviewRow[], totals: Ledger, more: number): string {
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
      </p>`,
  );
}

function overviewRow({ tenantId, destination, ledger }: OverviewRow): Html {
  const reasons = Object.entries(ledger.rejectedBy).map(([code, count]) => `${code}: ${count}`);
  const disabled = destination.enabled ? '' : ' (off)';
  return html`<tr>
    <td>${tenantId}</td>
    <td>
      ${destination.id}${disabled}<br />
      <span class="dim">${destination.type} in ${destination.region}</span>
    </td>
    ${counts.map((name) => html`<td class="n">${ledger[name]}${name === 'rejected' ? reasonList(reasons) : ''}</td>`)}
  </tr>`;
}

function reasonList(reasons: readonly string[]): Html {
  return html`${reasons.map((reason) => html`<br /><span class="dim">${reason}</span>`)}`;
}
