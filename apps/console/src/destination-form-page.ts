import { presetNames, RETENTION_DAYS } from '@logferry/core';
import { addressOfDestination, addressOfTenant } from './destination-address';
import type { DestinationEntered } from './destination-form';
import {
  choiceField,
  formProblems,
  radioField,
  textField,
  tickField,
  type Entered,
} from './form-fields';
import { html, navigation, page, type Html } from './html';
import type { ShownDestination } from './shown-destination';

interface DestinationFormView {
  tenantId: string;
  /** Nothing of one that is to be made. */
  destination: (ShownDestination & { id: string }) | undefined;
  entered: DestinationEntered;
}

const CREDENTIALS = [
  ['web_identity', 'a role that trusts our tokens: nothing secret is handed over'],
  ['assume_role', "a role that trusts the platform's own AWS identity, with an ExternalId"],
  ['access_key', 'an access key of an IAM user'],
] as const;

const SINKS = [
  ['cloudwatch', 'CloudWatch Logs'],
  ['s3', 'S3'],
] as const;

const COMPRESSIONS = [
  ['none', 'none'],
  ['gzip', 'gzip'],
  ['zstd', 'zstd'],
] as const;

const PRESETS = [['', 'none'], ...presetNames.map((name) => [name, name] as const)] as const;

const RETENTIONS = [
  ['', 'for ever'],
  ...RETENTION_DAYS.map((days) => [String(days), `${days} days`] as const),
] as const;

/** Makes a destination, or changes one. What is wrong stands beside what was entered. */
export function destinationFormPage({
  tenantId,
  destination,
  entered,
}: DestinationFormView): string {
  const place = { tenantId, destinationId: destination?.id ?? '' };
  const title =
    destination === undefined
      ? `New destination of ${tenantId}`
      : `Change destination ${destination.id} of ${tenantId}`;
  const action =
    destination === undefined
      ? `${addressOfTenant(tenantId)}/new-destination`
      : `${addressOfDestination(place)}/change`;
  const back =
    destination === undefined
      ? html`<a href="${addressOfTenant(tenantId)}">Tenant ${tenantId}</a>`
      : html`<a href="${addressOfDestination(place)}">Destination ${destination.id}</a>`;
  return page(
    title,
    html`${navigation}
      <p>${back}</p>
      <h1>${title}</h1>
      ${formProblems(entered)}
      <form method="post" action="${action}">
        ${destination === undefined ? identity(entered) : changed(entered)}
        ${tickField(entered, { name: 'enabled', label: 'switched on' })}
        ${textField(entered, { name: 'region', label: 'AWS Region', placeholder: 'eu-central-1' })}
        ${choiceField(entered, {
          name: 'preset',
          label: 'Preset',
          hint: "the names that a platform's own exporter documents",
          choices: PRESETS,
        })}
        ${textField(entered, {
          name: 'types',
          label: 'Types of log events',
          placeholder: 'deployment, audit',
          hint: 'only these, with a comma between them; left empty, all',
        })}
        ${credentialFields(entered, destination)} ${placeFields(entered, destination?.type)}
        <button>${destination === undefined ? 'Make it' : 'Change it'}</button>
      </form>
      <p class="dim">
        ${
          destination === undefined
            ? 'What to make in the AWS account for it is printed on the next page, ready to paste: the role may be made after this.'
            : 'What this form does not ask for stays as it is: the API has every field.'
        }
      </p>`,
  );
}

function identity(entered: DestinationEntered): Html {
  return html`${textField(entered, {
    name: 'id',
    label: 'Id',
    placeholder: 'logs',
    hint: '1 to 64 letters, digits, dots, dashes, underscores; it stays',
  })}
  ${radioField(entered, { name: 'type', label: 'Where to', choices: SINKS })}`;
}

/** The version that was read, so that nobody's change is written over unseen. */
function changed(entered: DestinationEntered): Html {
  return html`<input type="hidden" name="version" value="${entered.fields.version ?? ''}" />`;
}

function credentialFields(
  entered: DestinationEntered,
  destination: ShownDestination | undefined,
): Html {
  const hasSecret = destination?.credentials.kind === 'access_key';
  return html`<fieldset>
    <legend>Credentials</legend>
    ${radioField(entered, { name: 'kind', label: 'Kind', choices: CREDENTIALS })}
    ${textField(entered, {
      name: 'roleArn',
      of: 'of-role',
      label: "The role's ARN",
      placeholder: 'arn:aws:iam::123456789012:role/logferry',
    })}
    ${textField(entered, {
      name: 'accessKeyId',
      of: 'of-key',
      label: "The access key's id",
      placeholder: 'AKIA…',
    })}
    ${textField(entered, {
      name: 'secretAccessKey',
      of: 'of-key',
      label: 'Its secret',
      isSecret: true,
      hint: hasSecret
        ? 'left empty, the one that is stored stays; it is never shown'
        : 'sealed before it is stored, and never shown again',
    })}
    ${textField(entered, {
      name: 'account',
      of: 'of-key',
      label: 'Its AWS account, if known',
      placeholder: '123456789012',
    })}
  </fieldset>`;
}

/** Of a destination that there is, only what is of its sink. */
function placeFields(
  entered: DestinationEntered,
  type: ShownDestination['type'] | undefined,
): Html {
  if (type === 's3') return bucketFields(entered);
  if (type === 'cloudwatch') return groupFields(entered);
  return html`${groupFields(entered)} ${bucketFields(entered)}`;
}

function groupFields(entered: DestinationEntered): Html {
  return html`<fieldset class="of-cloudwatch">
    <legend>CloudWatch Logs</legend>
    ${textField(entered, {
      name: 'logGroup',
      label: 'Log group',
      placeholder: 'deployments',
      hint: 'a template; left empty, the one of the preset',
    })}
    ${textField(entered, {
      name: 'logGroupPrefix',
      label: 'Prefix of the group',
      hint: 'stands before its name as it is',
    })}
    ${textField(entered, {
      name: 'logStream',
      label: 'Log stream',
      placeholder: '{attributes.deploymentId}',
      hint: 'a template; left empty, the one of the preset',
    })}
    ${choiceField(entered, {
      name: 'retentionDays',
      label: 'Log groups that we create keep log events',
      choices: RETENTIONS,
    })}
  </fieldset>`;
}

function bucketFields(entered: Entered<'bucket' | 'path' | 'key' | 'compression'>): Html {
  return html`<fieldset class="of-s3">
    <legend>S3</legend>
    ${textField(entered, {
      name: 'bucket',
      label: 'Bucket',
      placeholder: 'acme-logs',
      hint: 'it must be there',
    })}
    ${textField(entered, {
      name: 'path',
      label: 'Path',
      hint: 'a folder in the bucket that all keys begin with',
    })}
    ${textField(entered, {
      name: 'key',
      label: 'Key',
      hint: "a template; left empty, env zero's",
    })}
    ${choiceField(entered, { name: 'compression', label: 'Compression', choices: COMPRESSIONS })}
  </fieldset>`;
}
