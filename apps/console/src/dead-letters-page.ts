import type {
  DeadLetter,
  DeadLetterFilter,
  DeadLetterGroup,
  DeadLetterState,
} from '@logferry/queue';
import { explain } from './dead-letter-view';
import { scopeNote, type ScopeOf } from './derived-scopes';
import { html, navigation, page, type Html } from './html';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export interface DeadLettersView {
  state: DeadLetterState;
  groups: readonly DeadLetterGroup[];
  /** Whether there are more groups than are shown. */
  hasMoreGroups: boolean;
  filter: DeadLetterFilter;
  rows: readonly DeadLetter[];
  scopeOf: ScopeOf;
  /** The address of the next page, if there is one. */
  nextPage: string | undefined;
  nowMs: number;
  retentionMs: number;
  readOnly: boolean;
  /** What was just done. */
  done: string;
}

/** What is dead, why, and until when it can still be helped; with the buttons to do so. */
export function deadLettersPage(view: DeadLettersView): string {
  const { state, done, nowMs } = view;
  return page(
    'Dead letters',
    html`${navigation}
      <h1>Dead letters</h1>
      <p>${done}</p>
      <p>
        ${state.batches} in all,
        ${state.batches === 0 ? '' : `the oldest for ${duration(state.oldestAgeMs)}, `}
        ${Math.ceil(state.bytes / 1024)} KiB of Redis. Each is kept for
        ${duration(view.retentionMs)} and then discarded.
      </p>
      ${warnings(state)}
      <h2>By destination and reason</h2>
      ${groupTable(view)}
      <h2>One by one</h2>
      ${filterForm(view.filter)} ${rowTable(view)}
      ${view.nextPage === undefined ? html`` : html`<p><a href="${view.nextPage}">Older</a></p>`}
      <p class="dim">As of ${new Date(nowMs).toISOString()}.</p>`,
  );
}

function warnings({ expiring, fullTenants }: DeadLetterState): Html {
  const shown = fullTenants.slice(0, 20).join(', ');
  return html`${
    expiring === 0
      ? html``
      : html`<p class="bad">
          ${expiring} of them expire within 24 hours. Redrive or download what is still wanted.
        </p>`
  }
  ${
    fullTenants.length === 0
      ? html``
      : html`<p class="bad">Nearly as much as a tenant may have of them: ${shown}</p>`
  }`;
}

function groupTable({
  groups,
  hasMoreGroups,
  scopeOf,
  nowMs,
  retentionMs,
  readOnly,
}: DeadLettersView): Html {
  if (groups.length === 0) return html`<p class="dim">There are none.</p>`;
  return html`<table>
      <tr>
        <th>Tenant</th>
        <th>Destination</th>
        <th>Reason</th>
        <th class="n">Dead letters</th>
        <th class="n">Log events</th>
        <th>Oldest</th>
        <th></th>
      </tr>
      ${groups.map(
        (group) =>
          html`<tr>
            <td>${group.tenantId}</td>
            <td>${group.destinationId}${scopeNote(scopeOf(group))}</td>
            <td>${reasonCell(group.reason)}</td>
            <td class="n">
              <a href="/dead-letters?${addressOf(group)}">${group.batches}</a>
            </td>
            <td class="n">${group.logEvents}</td>
            <td>${ageCell(group.oldestAt, nowMs, retentionMs)}</td>
            <td>
              <a href="/v1/dead-letters/log-events?${addressOf(group)}">Download</a>
              ${readOnly ? html`` : groupForms(group)}
            </td>
          </tr>`,
      )}
    </table>
    <p class="dim">${hasMoreGroups ? 'Only the largest are shown.' : ''}</p>`;
}

/** The number of dead letters is typed in before they are deleted for good: no script of ours could ask whether it is meant. */
function groupForms(group: DeadLetterGroup): Html {
  const fields = Object.entries({
    tenant: group.tenantId,
    destination: group.destinationId,
    reason: group.reason,
  }).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`);
  return html`<form method="post" action="/dead-letters/redrive">
      ${fields}<button>Redrive</button>
    </form>
    <form method="post" action="/dead-letters/discard">
      ${fields}
      <input
        name="confirm"
        inputmode="numeric"
        pattern="[0-9]+"
        size="8"
        required
        placeholder="how many"
        aria-label="How many dead letters to discard"
      /><button>Discard</button>
    </form>`;
}

function rowTable({ rows, scopeOf, nowMs, retentionMs }: DeadLettersView): Html {
  if (rows.length === 0) return html`<p class="dim">None match.</p>`;
  return html`<table>
    <tr>
      <th>Dead letter</th>
      <th>Tenant</th>
      <th>Destination</th>
      <th>Reason</th>
      <th class="n">Log events</th>
      <th>Age</th>
    </tr>
    ${rows.map(
      (row) =>
        html`<tr>
          <td>
            <a href="/batches/${row.id}">${row.id}</a>
            ${row.isQueued ? html`<br /><span class="dim">is being redriven</span>` : html``}
          </td>
          <td>${row.tenantId}</td>
          <td>${row.destinationId}${scopeNote(scopeOf(row))}</td>
          <td><span class="bad">${row.reason}</span></td>
          <td class="n">${row.logEvents}</td>
          <td>${ageCell(row.deadAt, nowMs, retentionMs)}</td>
        </tr>`,
    )}
  </table>`;
}

function filterForm({ tenantId = '', destinationId = '', reason = '' }: DeadLetterFilter): Html {
  const field = (name: string, label: string, value: string): Html =>
    html`<label>${label} <input name="${name}" value="${value}" /></label> `;
  return html`<form method="get" action="/dead-letters">
    ${field('tenant', 'Tenant', tenantId)} ${field('destination', 'Destination', destinationId)}
    ${field('reason', 'Reason', reason)}<button>Show</button>
  </form>`;
}

/** What may be done with one dead letter, for the page of its batch. */
export function deadLetterForms({ id }: { id: string }, readOnly: boolean): Html {
  const download = html`<a href="/v1/dead-letters/${id}/log-events">Download</a>`;
  if (readOnly) return html`<p>${download}</p>`;
  return html`<p>${download}</p>
    <form method="post" action="/dead-letters/${id}/redrive"><button>Redrive</button></form>
    <form method="post" action="/dead-letters/${id}/discard">
      <label><input type="checkbox" name="confirm" value="1" required /> for good</label>
      <button>Discard</button>
    </form>`;
}

function reasonCell(reason: string): Html {
  const { message } = explain(reason);
  return html`<span class="bad">${reason}</span><br /><span class="dim">${message}</span>`;
}

function ageCell(deadAt: number, nowMs: number, retentionMs: number): Html {
  const leftMs = deadAt + retentionMs - nowMs;
  const left = leftMs <= 0 ? 'expires now' : `expires in ${duration(leftMs)}`;
  return html`${duration(Math.max(nowMs - deadAt, 0))}<br /><span
      class="${leftMs <= DAY_MS ? 'bad' : 'dim'}"
      >${left}</span
    >`;
}

/** Coarse, as a person says it. */
export function duration(ms: number): string {
  if (ms >= 2 * DAY_MS) return `${Math.floor(ms / DAY_MS)} days`;
  if (ms >= 2 * HOUR_MS) return `${Math.floor(ms / HOUR_MS)} hours`;
  if (ms >= 2 * MINUTE_MS) return `${Math.floor(ms / MINUTE_MS)} minutes`;
  return `${Math.floor(ms / 1_000)} seconds`;
}

function addressOf({ tenantId, destinationId, reason }: DeadLetterGroup): string {
  return new URLSearchParams({ tenant: tenantId, destination: destinationId, reason }).toString();
}
