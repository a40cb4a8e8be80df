// What the pages of sources ask for, and how it is read: as the API would have been asked.
import { z } from 'zod';
import { button, html, type Html } from './html';
import { parseQuery } from './page-request';

/** Of a box that must be ticked: no script of ours could ask whether it is meant. */
const confirm = z.literal('yes', 'must be ticked: it is not undone by pressing a button');
const text = z.string('must be one text');

const checkpointForm = z.strictObject({ from: z.enum(['after', 'at']), place: text, confirm });
const replayForm = z.strictObject({
  from: z.enum(['after', 'at', 'time']),
  place: text,
  to: text.default(''),
  mark: z.literal('yes').optional(),
  confirm,
});

/** @throws RequestProblem if it is no such form, or not said to be meant */
export function readCheckpointForm(fields: unknown): object {
  const { from, place } = parseQuery(checkpointForm, fields ?? {});
  return { [from]: place };
}

/** @throws RequestProblem if it is no such form, or not said to be meant */
export function readReplayForm(fields: unknown): object {
  const { from, place, to, mark } = parseQuery(replayForm, fields ?? {});
  return {
    from: { [from]: place },
    ...(to === '' ? {} : { to: { [/^\d{4}-/.test(to) ? 'time' : 'at']: to } }),
    isMarked: mark === 'yes',
  };
}

/** All that may be done with a source. */
export function sourceForms(address: string, enabled: boolean, running: boolean): Html {
  const buttons = enabled
    ? html`${running ? html`` : button(`${address}/run`, 'Run now')}
      ${button(`${address}/pause`, 'Pause')}`
    : button(`${address}/resume`, 'Resume');
  return html`${buttons} ${enabled ? replayFields(address) : html``} ${checkpointFields(address)}`;
}

function checkpointFields(address: string): Html {
  return html`<details>
    <summary>Set the checkpoint</summary>
    <form method="post" action="${address}/checkpoint">
      <p>It goes on ${fromWhere(false)}</p>
      <p>
        ${confirmation('whatever was sent before: what lies behind it is sent again, and what lies before it is not')}
      </p>
      <button>Set the checkpoint</button>
    </form>
  </details>`;
}

function replayFields(address: string): Html {
  return html`<details>
    <summary>Replay</summary>
    <form method="post" action="${address}/replay">
      <p>What was pulled before is pulled again, beside the live runs, ${fromWhere(true)}</p>
      <p>
        up to
        <input
          name="to"
          maxlength="128"
          placeholder="log_id or time"
          aria-label="The last log event, or a time"
        />
        <span class="dim">or, left empty, up to what there is when it begins</span>
      </p>
      <p>
        <label
          ><input type="checkbox" name="mark" value="yes" /> its log events say that they are of a
          replay</label
        >
      </p>
      <p>${confirmation('its log events are delivered once more')}</p>
      <button>Replay</button>
    </form>
  </details>`;
}

function fromWhere(withTime: boolean): Html {
  return html`<select name="from" aria-label="From where">
      <option value="after">behind</option>
      <option value="at">with</option>
      ${withTime ? html`<option value="time">from the time</option>` : html``}
    </select>
    <input
      name="place"
      required
      maxlength="128"
      placeholder="${withTime ? 'log_id or time' : 'log_id'}"
      aria-label="The log event${withTime ? ', or a time' : ''}"
    />`;
}

function confirmation(what: string): Html {
  return html`<label
    ><input type="checkbox" name="confirm" value="yes" required /> I mean it: ${what}</label
  >`;
}
