import { SECRET_VARIABLE } from '@logferry/core';
import { addressOfDestination, addressOfTenant } from './destination-address';
import { areaField, formProblems, textField, tickField } from './form-fields';
import { html, navigation, page, type Html } from './html';
import { scopeName } from './tenant-pages';
import type { VariablesEntered } from './variables-form';
import type { VariablesView } from './variables-view';

interface VariablesPageView {
  tenantId: string;
  view: VariablesView;
  /** Nothing where the console only shows. */
  entered: VariablesEntered | undefined;
  /** Whether log events wait for a destination that would be no more. */
  isWaiting: boolean;
}

/** What is set at a scope, what holds there, and the destinations that it makes. */
export function variablesPage({ tenantId, view, entered, isWaiting }: VariablesPageView): string {
  const address = addressOfTenant(tenantId);
  const title = `Variables of ${scopeName(view.scope)}, tenant ${tenantId}`;
  return page(
    title,
    html`${navigation}
      <p><a href="${address}">Tenant ${tenantId}</a></p>
      <h1>${title}</h1>
      ${entered === undefined ? html`` : form(`${address}/variables`, entered, { view, isWaiting })}
      <h2>What holds here</h2>
      ${effectiveTable(view)}
      ${view.problems.map(({ name, message }) => html`<p class="bad">${name} ${message}</p>`)}
      <h2>Where its log events go</h2>
      ${destinationTable(tenantId, view)}`,
  );
}

function form(
  action: string,
  entered: VariablesEntered,
  { view, isWaiting }: { view: VariablesView; isWaiting: boolean },
): Html {
  const hasSecret = view.variables[SECRET_VARIABLE.name] === null;
  return html`${formProblems(entered)}
    <form method="post" action="${action}">
      <input type="hidden" name="scope" value="${view.scope}" />
      <input type="hidden" name="version" value="${entered.fields.version ?? ''}" />
      ${areaField(entered, {
        name: 'variables',
        rows: 10,
        label: 'What is set here',
        hint: 'a line for each: NAME=value. What is not there is set no more, and what it made is deleted',
      })}
      ${textField(entered, {
        name: 'secret',
        label: SECRET_VARIABLE.name,
        isSecret: true,
        hint: hasSecret
          ? 'left empty, the one that is stored stays; it is never shown'
          : 'sealed before it is stored, and never shown again',
      })}
      ${hasSecret ? tickField(entered, { name: 'forget', label: 'forget the secret that is stored' }) : html``}
      ${textField(entered, {
        name: 'region',
        label: 'AWS Region that what is of this scope runs in',
        hint: 'for variables whose default it is',
      })}
      ${isWaiting ? tickField(entered, { name: 'force', label: 'I mean it: what waits is held' }) : html``}
      <button>Set them</button>
    </form>`;
}

function effectiveTable({ effective }: VariablesView): Html {
  const rows = Object.entries(effective);
  if (rows.length === 0) return html`<p class="dim">Nothing is set.</p>`;
  return html`<table>
    <tr>
      <th>Variable</th>
      <th>Value</th>
      <th>Set at</th>
    </tr>
    ${rows.map(
      ([name, { value, scope }]) =>
        html`<tr>
          <td>${name}</td>
          <td class="id">${value ?? html`<span class="dim">a secret</span>`}</td>
          <td>${scopeName(scope)}</td>
        </tr>`,
    )}
  </table>`;
}

function destinationTable(tenantId: string, { destinations }: VariablesView): Html {
  if (destinations.length === 0)
    return html`<p class="dim">Nowhere, as far as variables say so.</p>`;
  return html`<table>
    ${destinations.map(
      ({ id, preset, type, enabled, scope, types }) =>
        html`<tr>
          <td><a href="${addressOfDestination({ tenantId, destinationId: id })}">${id}</a></td>
          <td>${preset}, ${type}${enabled ? '' : ' (off)'}</td>
          <td>${types.join(', ')}</td>
          <td>variables of ${scopeName(scope)}</td>
        </tr>`,
    )}
  </table>`;
}
