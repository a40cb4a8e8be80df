import {
  accountSetup,
  issuerName,
  quickCreateUrl,
  setupCloudFormation,
  setupCommands,
  setupTerraform,
  type AccountSetup,
  type Platform,
} from '@logferry/aws';
import { DestinationInput, type Destination } from '@logferry/core';
import { RequestProblem, type BrokerDesk } from '@logferry/runtime';
import { tenantPlace, type ConfigStore } from '@logferry/store';
import { z } from 'zod';
import { unknownTenant } from './config-outcome';
import { readRecord, type WriteRequest } from './config-write';
import { refuseCredentials } from './destination-desk';
import { storedDestination } from './stored-destination';

/** The languages that a set-up is written in. */
const SETUP_FORMATS = [
  'json',
  'terraform',
  'cloudformation',
  'cloudformation-template',
  'commands',
] as const;
type SetupFormat = (typeof SETUP_FORMATS)[number];

export const setupQuery = z.strictObject({ format: z.enum(SETUP_FORMATS).default('json') });

interface AccountSetupDeskParts {
  store: ConfigStore;
  /** Asked for the ExternalIds of drafts. */
  broker: Pick<BrokerDesk, 'externalId'>;
  platform: Platform;
  stackTemplateUrl: string | undefined;
}

interface Place {
  tenantId: string;
  destinationId: string;
}

/** What a customer has to make in their account: for a destination that is stored, or for one that is only thought of. */
export class AccountSetupDesk {
  constructor(private readonly parts: AccountSetupDeskParts) {}

  /** @throws RequestProblem */
  async ofStored({ tenantId, destinationId }: Place): Promise<AccountSetup> {
    const { store } = this.parts;
    return this.setup(tenantId, await storedDestination(store, tenantId, destinationId));
  }

  /** @throws RequestProblem */
  async ofDraft({ tenantId, destinationId }: Place, request: WriteRequest): Promise<AccountSetup> {
    const { value } = readRecord(DestinationInput, destinationId, request);
    const [tenant] = await this.parts.store.find([tenantPlace(tenantId)]);
    if (tenant === undefined) throw unknownTenant();
    const { credentials } = value;
    switch (credentials.kind) {
      case 'web_identity':
        return this.setup(tenantId, { ...value, credentials });
      case 'assume_role': {
        const place = { tenantId, destinationId };
        const externalId = await this.parts.broker.externalId(place).catch(refuseCredentials);
        return this.setup(tenantId, { ...value, credentials: { ...credentials, externalId } });
      }
      case 'access_key': {
        const { kind, accessKeyId, account } = credentials;
        const known = { kind, accessKeyId, account, sealedSecret: '' };
        return this.setup(tenantId, { ...value, credentials: known });
      }
    }
  }

  /** The set-up as text, and what kind of text it is. */
  render(setup: AccountSetup, format: SetupFormat): { type: string; text: string } {
    const plain = 'text/plain; charset=utf-8';
    const json = 'application/json; charset=utf-8';
    switch (format) {
      case 'json':
        return { type: json, text: JSON.stringify(this.view(setup)) };
      case 'terraform':
        return { type: plain, text: setupTerraform(setup) };
      case 'cloudformation':
        return { type: json, text: setupCloudFormation(setup) };
      case 'cloudformation-template':
        return { type: json, text: setupCloudFormation(setup, { isFilledIn: false }) };
      case 'commands':
        return { type: plain, text: setupCommands(setup) };
    }
  }

  private view(setup: AccountSetup): object {
    const { stackTemplateUrl } = this.parts;
    const { partition, account, region, identity, policyName, permissions } = setup;
    const isByToken = identity.kind === 'role' && identity.trust.kind === 'web_identity';
    return {
      partition,
      account: account === '*' ? null : account,
      region,
      identityProvider: isByToken ? providerView(identity.trust) : null,
      role: identity.kind === 'role' ? roleView(identity) : null,
      user: identity.kind === 'user' ? { name: identity.name } : null,
      trustPolicy: identity.kind === 'role' ? identity.trustPolicy : null,
      permissionPolicy: { name: policyName, document: permissions },
      resourcePolicies: setup.resourcePolicies,
      quickCreateUrl:
        stackTemplateUrl === undefined ? null : quickCreateUrl(setup, stackTemplateUrl),
    };
  }

  private setup(tenantId: string, destination: Destination): AccountSetup {
    const setup = accountSetup(tenantId, destination, this.parts.platform);
    if (!('problem' in setup)) return setup;
    throw new RequestProblem(409, 'console.credentials_unavailable', setup.problem);
  }
}

type RoleTrust = Extract<AccountSetup['identity'], { kind: 'role' }>['trust'];

function providerView(trust: RoleTrust): object | null {
  if (trust.kind !== 'web_identity') return null;
  return { url: `https://${issuerName(trust.issuerUrl)}`, audience: trust.audience };
}

function roleView({
  name,
  path,
  maxSessionSeconds,
}: Extract<AccountSetup['identity'], { kind: 'role' }>): object {
  return { name, path, maxSessionSeconds };
}
