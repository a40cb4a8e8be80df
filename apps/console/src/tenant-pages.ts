import { TENANT_SCOPE } from '@logferry/core';
import type { TenantView, UnreadableView } from './config-views';
import { scopeNote } from './derived-scopes';
import { addressOfDestination, addressOfTenant } from './destination-address';
import type { LookedAt } from './tenant-look';
import { stateOf } from './destination-page';
import { formProblems, textField, tickField, type Entered } from './form-fields';
import { html, navigation, page, type Html } from './html';
import type { ScopesView } from './variables-view';

const dones = {
  made: 'The tenant is there.',
  variables: 'The variables were set.',
};
export type TenantDone = keyof typeof dones;
export const tenantDones = Object.keys(dones) as [TenantDone, ...TenantDone[]];

export type TenantEntered = Entered<'id' | 'name' | 'again'>;

interface TenantsPageView {
  tenants: readonly { tenant: TenantView | UnreadableView; destinations: number }[];
  /** Where the list goes on. */
  cursor: string | null;
  /** The form of a new one; nothing where the console only shows. */
  entered: TenantEntered | undefined;
  /** Whether the id that was entered is that of a tenant that was deleted. */
  isFormer: boolean;
}

/** Whose log events are delivered. */
export function tenantsPage({ tenants, cursor, entered, isFormer }: TenantsPageView): string {
  const table = html`<table>
    <tr>
      <th>Tenant</th>
      <th>Name</th>
      <th class="n">Destinations</th>
    </tr>
    ${tenants.map(
      ({ tenant, destinations }) =>
        html`<tr>
          <td><a href="${addressOfTenant(tenant.id)}">${tenant.id}</a></td>
          <td>${nameOf(tenant)}</td>
          <td class="n">${destinations}</td>
        </tr>`,
    )}
  </table>`;
  const next = new URLSearchParams({ cursor: cursor ?? '' }).toString();
  return page(
    'Tenants',
    html`${navigation}
      <h1>Tenants</h1>
      ${tenants.length === 0 ? html`<p class="dim">There are none.</p>` : table}
      ${cursor === null ? html`` : html`<p><a href="/tenants?${next}">More</a></p>`}
      ${entered === undefined ? html`` : newTenant(entered, isFormer)}`,
  );
}

function nameOf(tenant: TenantView | UnreadableView): Html {
  if ('unreadable' in tenant)
    return html`<span class="bad">What is stored of it cannot be read: write it anew.</span>`;
  return html`${tenant.name ?? ''}`;
}

function newTenant(entered: TenantEntered, isFormer: boolean): Html {
  return html`<h2>A new tenant</h2>
    ${formProblems(entered)}
    <form method="post" action="/tenants">
      ${textField(entered, {
        name: 'id',
        label: 'Id',
        placeholder: 'acme',
        hint: 'what the platform sends its log events under: 1 to 64 letters, digits, dots, dashes, underscores; it stays, and is never given to another customer',
      })}
      ${textField(entered, { name: 'name', label: 'Name', placeholder: 'Acme Corporation' })}
      ${isFormer ? tickField(entered, { name: 'again', label: 'it is the same customer as before' }) : html``}
      <button>Make it</button>
    </form>`;
}

export interface TenantPageView {
  tenant: TenantView | UnreadableView;
  destinations: readonly LookedAt[];
  scopes: ScopesView;
  sources: readonly string[];
  channels: readonly string[];
  readOnly: boolean;
  /** What was just done. */
  done: TenantDone | undefined;
}

/** A tenant: where its log events go, and what says so. */
export function tenantPage(view: TenantPageView): string {
  const { tenant, destinations, scopes, sources, channels, readOnly, done } = view;
  const address = addressOfTenant(tenant.id);
  return page(
    `Tenant ${tenant.id}`,
    html`${navigation}
      <p><a href="/tenants">All tenants</a></p>
      <h1>Tenant ${tenant.id}</h1>
      <p>${nameOf(tenant)}</p>
      <p>${done === undefined ? '' : dones[done]}</p>
      <h2>Destinations</h2>
      ${destinations.length === 0 ? html`<p class="dim">There are none.</p>` : destinationTable(destinations)}
      ${readOnly ? html`` : html`<p><a href="${address}/new-destination">A new destination</a></p>`}
      <h2>Variables</h2>
      ${scopeTable(address, scopes)} ${links('Sources', `${address}/sources`, sources)}
      ${links('Channels', `${address}/channels`, channels)}
      <p class="dim">All times are UTC. As of ${new Date().toISOString()}.</p>`,
  );
}

const counts = ['accepted', 'delivered', 'rejected', 'deadLettered', 'waiting'] as const;

function destinationTable(destinations: readonly LookedAt[]): Html {
  return html`<table>
    <tr>
      <th>Destination</th>
      <th>State</th>
      <th class="n">Accepted</th>
      <th class="n">Delivered</th>
      <th class="n">Rejected</th>
      <th class="n">Dead letters</th>
      <th class="n">Waiting</th>
    </tr>
    ${destinations.map(
      (looked) =>
        html`<tr>
          <td>
            <a href="${addressOfDestination(looked)}">${looked.destinationId}</a><br /><span
              class="dim"
              >${whereTo(looked)}</span
            >${scopeNote(looked.scope)}
          </td>
          <td>${stateOf(looked)}</td>
          ${counts.map((name) => html`<td class="n">${looked.ledger[name]}</td>`)}
        </tr>`,
    )}
  </table>`;
}

function whereTo({ destination }: LookedAt): string {
  return destination === undefined ? '' : `${destination.type} in ${destination.region}`;
}

function scopeTable(address: string, { scopes, problems }: ScopesView): Html {
  const all = scopes.some(({ scope }) => scope === TENANT_SCOPE)
    ? scopes
    : [{ scope: TENANT_SCOPE, variables: [] }, ...scopes];
  return html`<table>
      <tr>
        <th>Scope</th>
        <th>What is set there</th>
      </tr>
      ${all.map(
        ({ scope, variables }) =>
          html`<tr>
            <td><a href="${variablesAddress(address, scope)}">${scopeName(scope)}</a></td>
            <td class="id">${variables.length === 0 ? 'nothing' : variables.join(', ')}</td>
          </tr>`,
      )}
    </table>
    ${problems.map(({ scope, name, message }) => html`<p class="bad">${scopeName(scope)}: ${name} ${message}</p>`)}
    <form method="get" action="${address}/variables">
      <label>Another scope <input name="scope" placeholder="project/web" /></label>
      <button>Its variables</button>
    </form>`;
}

export function variablesAddress(address: string, scope: string): string {
  return `${address}/variables?${new URLSearchParams({ scope }).toString()}`;
}

export function scopeName(scope: string): string {
  return scope === TENANT_SCOPE ? 'the tenant itself' : scope;
}

function links(title: string, address: string, ids: readonly string[]): Html {
  if (ids.length === 0) return html``;
  return html`<h2>${title}</h2>
    <p>${ids.map((id) => html`<a href="${address}/${encodeURIComponent(id)}">${id}</a> `)}</p>`;
}
