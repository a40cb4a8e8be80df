import { failureKinds } from '@logferry/core';
import { describeTarget, type Batch } from '@logferry/queue';
import { deadLetterForms } from './dead-letters-page';
import { html, navigation, page, type Html } from './html';

const LOG_EVENTS_SHOWN = 50;
const CHARS_SHOWN = 2_000;

const states: Record<Batch['state'], string> = {
  open: 'open: it still takes log events',
  sealed: 'sealed: it waits to be delivered, or is being delivered',
  dead: 'a dead letter: its attempts ran out',
  refused: 'refused: AWS does not take these log events',
};

/** A batch as a person who is on call wants to see it: where it goes, what stops it, and what is in it. */
export function batchPage(batch: Batch, logEvents: readonly string[], readOnly: boolean): string {
  const why = batch.reason ?? batch.lastFailure;
  const rows: [string, string | Html][] = [
    ['Tenant', batch.tenantId],
    ['Destination', batch.destinationId],
    ['Goes to', describeTarget(batch.target)],
    ['State', states[batch.state]],
    ['Log events', `${batch.logEvents} (${batch.bytes} bytes)`],
    ['First log event of', new Date(batch.firstMs).toISOString()],
    ['Accepted from', new Date(batch.openedAt).toISOString()],
    ['Deliveries begun', String(batch.begun)],
  ];
  if (why !== undefined) {
    rows.push([
      'Stopped by',
      html`<span class="bad">${why}</span><br />${failureKinds[why].publicMessage}`,
    ]);
  }
  const shown = logEvents.slice(0, LOG_EVENTS_SHOWN);
  return page(
    `Batch ${batch.id}`,
    html`${navigation}
      <h1>Batch ${batch.id}</h1>
      <table>
        ${rows.map(
          ([name, value]) =>
            html`<tr>
              <th>${name}</th>
              <td>${value}</td>
            </tr>`,
        )}
      </table>
      ${batch.state === 'dead' || batch.state === 'refused' ? deadLetterForms(batch, readOnly) : html``}
      <h2>First log events</h2>
      ${shown.map((text) => html`<pre>${text.slice(0, CHARS_SHOWN)}</pre>`)}
      <p class="dim">
        ${batch.logEvents > shown.length ? `${batch.logEvents - shown.length} more are not shown.` : ''}
      </p>`,
  );
}
