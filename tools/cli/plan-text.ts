import type { FieldChange } from './field-changes';
import type { Change } from './plan';
import type { Terminal } from './terminal';

const SIGNS = { create: '+', change: '~', delete: '-' } as const;
const STYLES = { create: 'green', change: 'yellow', delete: 'red' } as const;
type Styler = Pick<Terminal, 'style'>;

/** All changes as people read them, before anything is written. */
export function planText(changes: readonly Change[], styler: Styler): string {
  if (changes.length === 0) return 'Nothing to change.';
  const count = (action: Change['action']): number =>
    changes.filter((change) => change.action === action).length;
  const sum = `${count('create')} to make, ${count('change')} to change, ${count('delete')} to delete.`;
  return [...changes.map((change) => changeText(change, styler)), '', sum].join('\n');
}

function changeText(change: Change, styler: Styler): string {
  const { action, fields } = change;
  const title = styler.style(STYLES[action], `${SIGNS[action]} ${titleOf(change)}`);
  return [title, ...fields.map((field) => `    ${fieldText(field)}`)].join('\n');
}

/** What it is, such as `destination acme/logs`. */
export function titleOf({ kind, tenant, name, action }: Change): string {
  if (kind === 'tenant')
    return `tenant ${name}${action === 'delete' ? ', with its destinations and keys' : ''}`;
  const title = `${kind} ${[tenant, name].filter((part) => part !== undefined && part !== '').join('/')}`;
  return kind === 'source' && action === 'delete'
    ? `${title}, with its checkpoint and runs`
    : title;
}

function fieldText({ field, before, after }: FieldChange): string {
  if (before === undefined) return `${field}: ${valueText(after)}`;
  if (after === undefined) return `${field}: ${valueText(before)} → (none)`;
  return `${field}: ${valueText(before)} → ${valueText(after)}`;
}

function valueText(value: unknown): string {
  return typeof value === 'string' && /^[\w$][^\n\r\t]*$/.test(value)
    ? value
    : JSON.stringify(value);
}
