// The form of a destination: what it stores, and how it answers what cannot be stored.
import {
  CHANGE,
  EXTERNAL_ID,
  fieldsIn,
  filledIn,
  NEW,
  PAGE,
  roleArn,
  SECRET,
  useFormsTestbed,
} from './forms.testbed';

const forms = useFormsTestbed();
const { bed, send, show, follow, stored, made } = forms;

test('a bucket is made of the fields for buckets, and those for log groups say nothing', async () => {
  await made({ type: 's3', bucket: 'acme-logs', path: 'a/b', compression: 'gzip', preset: 'env0' });
  expect(await stored()).toMatchObject({
    type: 's3',
    preset: 'env0',
    s3: { bucket: 'acme-logs', path: 'a/b', compression: 'gzip' },
  });
  const form = await show(CHANGE);
  expect(fieldsIn(form)).toMatchObject({ bucket: 'acme-logs', compression: 'gzip' });
  expect(form).not.toContain('name="logGroup"');
});

describe('what is wrong', () => {
  beforeEach(() => bed.call('/v1/tenants/acme', { method: 'PUT', body: {} }));

  const refused = async (over: Record<string, string>, status = 422): Promise<string> => {
    const answer = await send(NEW, filledIn(over));
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toContain('text/html');
    expect(await stored()).toBeUndefined();
    return answer.text.replace(/\s+/g, ' ');
  };
  const beside = (name: string, message: string): RegExp =>
    new RegExp(`name="${name}"[^>]*aria-invalid.*id="${name}-problem">[^<]*${message}`);

  test('stands beside its field, all of it at once, and what was entered is still there', async () => {
    const text = await refused({
      region: 'Frankfurt',
      roleArn: 'logferry',
      logGroup: '{deployment}',
      logStream: '',
    });
    expect(text).toMatch(beside('region', 'must be the name of an AWS Region'));
    expect(text).toMatch(beside('roleArn', 'must be a role ARN'));
    expect(text).toMatch(beside('logGroup', '{deployment} is not a variable'));
    expect(text).toMatch(beside('logStream', 'is needed where no preset gives it'));
    expect(fieldsIn(text)).toMatchObject({
      ...{ id: 'logs', enabled: 'yes', region: 'Frankfurt', roleArn: 'logferry' },
      ...{ types: 'deployment, audit', logGroup: '{deployment}', retentionDays: '30' },
    });
  });

  test('a secret that is missing is told with the rest, and one that was entered is not sent back', async () => {
    const key = { kind: 'access_key', accessKeyId: 'AKIAIOSFODNN7EXAMPLE' };
    const without = await refused({ ...key, region: 'here' });
    expect(without).toMatch(beside('region', 'must be'));
    expect(without).toMatch(beside('secretAccessKey', 'is missing'));
    expect(await refused(key)).toMatch(beside('secretAccessKey', 'is missing'));
    const kept = await refused({ ...key, region: 'here', secretAccessKey: SECRET });
    expect(kept).not.toContain(SECRET);
    expect(kept).not.toMatch(beside('secretAccessKey', 'is missing'));
    expect(fieldsIn(kept)).toMatchObject({ accessKeyId: key.accessKeyId, secretAccessKey: '' });
  });

  test('an id that is none, is taken, or is for variables is told beside the form', async () => {
    expect(await refused({ id: 'no id' })).toMatch(beside('id', 'must be 1 to 64 letters'));
    expect(await refused({ id: '' })).toMatch(beside('id', 'must be 1 to 64 letters'));
    expect(await refused({ id: 'vars.x' }, 409)).toContain('made from variables');
    await made();
    const again = await send(NEW, filledIn({ region: 'us-east-1' }));
    expect(again.status).toBe(412);
    expect(again.text.replace(/\s+/g, ' ')).toMatch(beside('id', 'is that of another'));
    expect((await stored())?.region).toBe('eu-central-1');
  });

  test('a tenant that is there already, or is no such name, is told beside its field', async () => {
    for (const [fields, status, says] of [
      [{ id: 'acme', name: '' }, 412, /id="id-problem">is that of another tenant/],
      [{ id: 'no id', name: 'x' }, 422, /id="id-problem">must be 1 to 64/],
      [{ id: 'globex', name: 'x'.repeat(201) }, 422, /id="name-problem">must have 200/],
    ] as const) {
      const answer = await send('/tenants', fields);
      expect(answer.status).toBe(status);
      expect(answer.text).toMatch(says);
    }
  });

  test('a tenant that was deleted is made again by whoever says that it is the same', async () => {
    await bed.call('/v1/tenants/acme', { method: 'DELETE' });
    const fresh = await send('/tenants', { id: 'acme', name: '' });
    expect(fresh.status).toBe(409);
    expect(fresh.text).toContain('name="again"');
    expect((await send('/tenants', { id: 'acme', name: '', again: 'yes' })).status).toBe(303);
  });
});

describe('a change', () => {
  test('keeps what the form does not ask for, and the secret that it does not show', async () => {
    await bed.call('/v1/tenants/acme', { method: 'PUT', body: {} });
    await bed.call('/v1/tenants/acme/destinations/logs', {
      method: 'PUT',
      to: forms.app,
      body: {
        type: 'cloudwatch',
        region: 'eu-central-1',
        credentials: {
          kind: 'access_key',
          accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
          secretAccessKey: SECRET,
        },
        filter: { types: ['a, b'], levels: ['error'] },
        keep: { forMs: 3_600_000, bytesMax: 67_108_864 },
        cloudwatch: { logGroup: 'g', logStream: 's', lingerMs: 5, tags: { team: 'x' } },
      },
    });
    const before = await stored();
    const form = await show(CHANGE);
    expect(form).not.toContain(SECRET);
    expect(form).not.toContain('sealed'.concat('Secret'));
    const fields = fieldsIn(form);
    expect(fields).toMatchObject({ secretAccessKey: '', logGroup: 'g', enabled: 'yes' });
    // A browser says nothing of a box that is not ticked.
    delete fields.enabled;
    const page = await follow(await send(CHANGE, { ...fields, logGroup: 'other' }), PAGE);
    expect(page).toContain('switched off');
    expect(await stored()).toEqual({
      ...before,
      enabled: false,
      cloudwatch: { ...(before as { cloudwatch: object }).cloudwatch, logGroup: 'other' },
    });
  });

  test('writes over no change of somebody else', async () => {
    await made();
    const fields = fieldsIn(await show(CHANGE));
    expect((await send(CHANGE, { ...fields, region: 'us-east-1' })).status).toBe(303);
    const late = await send(CHANGE, { ...fields, region: 'eu-west-1' });
    expect(late.status).toBe(412);
    expect(late.text).toContain('Somebody has changed this destination');
    expect(fieldsIn(late.text.replace(/\s+/g, ' '))).toMatchObject({ region: 'eu-west-1' });
    expect((await stored())?.region).toBe('us-east-1');
  });

  test('may be of another kind of credentials, of which nothing of the former stays', async () => {
    await made();
    const fields = fieldsIn(await show(CHANGE));
    await send(CHANGE, { ...fields, kind: 'assume_role' });
    expect((await stored())?.credentials).toMatchObject({ kind: 'assume_role', roleArn });
    const page = await show(PAGE);
    expect(page).toContain(EXTERNAL_ID);
    const again = fieldsIn(await show(CHANGE));
    expect((await send(CHANGE, { ...again, preset: 'env0', types: '' })).status).toBe(303);
    expect(await stored()).toMatchObject({
      preset: 'env0',
      filter: {},
      credentials: { externalId: EXTERNAL_ID },
    });
  });
});
