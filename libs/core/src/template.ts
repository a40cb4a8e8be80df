import { LOG_EVENT } from './limits';
import type { LogEvent } from './log-event';

/** A name with holes for facts of the log event: `{tenant}`, `{type}`, `{scope}`, `{level}`, `{attributes.NAME}`. */
export type Template = readonly (string | ((tenantId: string, event: LogEvent) => string))[];

/** What may stand in braces. */
export const TEMPLATE_VARIABLES = {
  '{tenant}': "the tenant's id",
  '{type}': "the log event's type",
  '{scope}': "the log event's scope",
  '{level}': "the log event's level",
  '{attributes.NAME}': "the log event's attribute of that name",
} as const;

const hole = /\{([^{}]*)\}/g;

/** What stands in a name where the log event does not have the fact that the template asks for. */
export const MISSING = 'unknown';

/** What a template says itself, between its holes. */
export function literalsOf(text: string): string[] {
  return text.split(hole).filter((_, i) => i % 2 === 0);
}

/** Reads a template once, so that rendering it is only concatenation. An unknown variable is a problem now, not at delivery. */
export function parseTemplate(text: string): Template | { problem: string } {
  const parts: Template[number][] = [];
  let end = 0;
  for (const match of text.matchAll(hole)) {
    const variable = match[1] ?? '';
    const read = reader(variable);
    if (read === undefined) {
      return {
        problem: `{${variable.slice(0, 100)}} is not a variable; there are ${Object.keys(TEMPLATE_VARIABLES).join(', ')}`,
      };
    }
    if (match.index > end) parts.push(text.slice(end, match.index));
    parts.push(read);
    end = match.index + match[0].length;
  }
  if (end < text.length) parts.push(text.slice(end));
  if (parts.some((part) => typeof part === 'string' && /[{}]/.test(part))) {
    return { problem: 'a brace stands alone; variables are written {name}' };
  }
  return parts;
}

function reader(variable: string): ((tenantId: string, event: LogEvent) => string) | undefined {
  switch (variable) {
    case 'tenant':
      return (tenantId) => tenantId;
    case 'type':
      return (_, event) => event.type;
    case 'scope':
      return (_, event) => event.scope ?? MISSING;
    case 'level':
      return (_, event) => event.level ?? MISSING;
  }
  if (!variable.startsWith('attributes.')) return undefined;
  const name = variable.slice('attributes.'.length);
  if (name === '' || name.length > LOG_EVENT.attributeNameCharsMax) return undefined;
  return (_, { attributes }) =>
    attributes !== undefined && Object.hasOwn(attributes, name)
      ? attributes[name] || MISSING
      : MISSING;
}

export function renderTemplate(template: Template, tenantId: string, event: LogEvent): string {
  let text = '';
  for (const part of template) text += typeof part === 'string' ? part : part(tenantId, event);
  return text;
}
