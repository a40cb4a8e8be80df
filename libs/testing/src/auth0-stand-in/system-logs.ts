// Log events of the tenant itself: its API, limits, connectors, notifications, keys and updates.
import type { Scene } from './log-scene';
import { spec, type LogSpec, type LogSpecs } from './log-spec';

const api = (method: string, statusCode: number) => (scene: Scene) => ({
  request: {
    method,
    path: `/api/v2/users/${encodeURIComponent(scene.user.id)}`,
    query: {},
    userAgent: scene.userAgent,
    ip: scene.ip,
    channel: 'api',
    body: method === 'GET' ? {} : { app_metadata: { plan: 'pro' } },
    auth: {
      strategy: 'jwt',
      user: { user_id: scene.user.id, name: scene.user.name, email: scene.user.email },
      credentials: { jti: scene.hex(32) },
    },
  },
  response: {
    statusCode,
    body: statusCode < 400 ? { user_id: scene.user.id } : { errorCode: 'inexistent_user' },
  },
  accessedSecrets: [],
});

const limit = (usage?: number) => (): object => ({
  limit: { bucket: 'tenant_mgmt', size: 50, global: false, ...(usage && { usage }) },
  request: { method: 'GET', path: '/api/v2/logs' },
  response: '{"statusCode":429}',
});

const blocked = (description: string): LogSpec => spec('cuhix', description);

const scim = (statusCode: number) => (scene: Scene) => ({
  action: 'update',
  connection_id: scene.connection.id,
  request: {
    ip: scene.ip,
    method: 'PATCH',
    path: `/scim/v2/connections/${scene.connection.id}/Users`,
    query: {},
    userAgent: scene.userAgent,
    body: { Operations: [{ op: 'replace', path: 'active', value: false }] },
  },
  response: { statusCode },
});

const sync = ({ atMs, text }: Scene): Record<string, unknown> => ({
  synchronization_id: `dpsync_${text(16)}`,
  created_at: new Date(atMs - 60_000).toISOString(),
  started_at: new Date(atMs - 50_000).toISOString(),
  scheduled: true,
});

const selfService =
  (ss_sso_event_name: string) =>
  ({ connection, text }: Scene): object => ({
    ss_sso_event_name,
    ss_sso_tracing_id: text(24),
    connection_name: connection.name,
    flow_type: 'create',
    enabled_features: { sso: true, domainVerification: true, provisioning: false },
  });

const notice = ({ user }: Scene): object => ({
  email_type: 'verify_email',
  notification_channel: 'email',
  notification_type: 'verify_email',
  to: user.email,
  error: 'The mail server refused the connection.',
});

const key = ({ hex }: Scene): object => ({
  id: hex(32),
  type: 'customer-provided-root-key',
  state: 'active',
});

export const systemLogs: LogSpecs = {
  sapi: spec('curi', 'Update a user', api('PATCH', 200)),
  fapi: spec('curi', 'The user does not exist', api('PATCH', 404)),
  mgmt_api_read: spec('curi', 'Get a user', api('GET', 200)),
  api_limit: spec('cuhv', 'You passed the limit of allowed calls', limit()),
  api_limit_warning: spec('cuhv', 'You passed 80 % of the allowed calls', limit(41)),
  limit_delegation: spec('cuhi', 'Too many calls to /delegation'),
  limit_ui: spec('cuhi', 'Too many calls to /userinfo'),
  limit_mu: blocked('IP address blocked'),
  limit_wc: blocked('Account blocked'),
  limit_sul: blocked('Account blocked'),
  limit_phone: spec('cui', 'Too many messages to one number', () => ({ delivery_method: 'sms' })),
  appi: spec('cuv', 'Peak performance initiated', () => ({
    docs: 'https://auth0.com/docs',
    total_hours_allocated: 100,
    total_hours_consumed: 4,
    total_hours_remaining: 96,
  })),
  depnote: spec('cuiv', 'Deprecation notice', ({ text }) => ({
    feature: {
      id: text(12),
      name: 'legacy_logout',
      description: 'Logging out without an application is deprecated.',
      documentation: 'https://auth0.com/docs',
    },
    method: 'GET',
    path: '/v2/logout',
  })),
  acul_sdk_notice: spec('civ', 'ACUL SDK notice', ({ pick }) => ({
    id: pick(['acul-sdk-deprecation', 'acul-sdk-unsupported', 'acul-sdk-missing-version']),
    documentation: 'https://auth0.com/docs',
    message: 'The SDK should be updated.',
    request: { path: '/u/login' },
  })),
  acls_summary: spec('', 'Network ACLs', ({ atMs, text, number }) => ({
    start_time: new Date(atMs - 3_600_000).toISOString(),
    end_time: new Date(atMs).toISOString(),
    stats: [
      {
        acl_id: `acl_${text(16)}`,
        action: 'block',
        description: 'Deny list',
        priority: 1,
        match: { successes: number(100) },
        total_request_count: { successes: 100 + number(9_000) },
      },
    ],
  })),
  actions_execution_failed: spec('cushio', 'Action failed', ({ hex, pick }) => ({
    action_id: hex(32),
    action_name: 'Enrich profile',
    binding_id: hex(32),
    execution_id: hex(32),
    trigger_id: 'post-login',
    version_id: hex(32),
    error_class: pick(['platform_error', 'action_timeout', 'action_error', 'rate_limited']),
    action_error: {
      code: 'ERR',
      name: 'TypeError',
      message: "Cannot read properties of undefined (reading 'plan')",
      stack: 'TypeError\n    at onExecutePostLogin (action.js:7:12)',
    },
  })),
  con: spec('chi', 'Connector online'),
  coff: spec('chi', 'Connector offline'),
  fc: spec('cuhi', 'Failed by connector'),
  fcpro: spec('cuhi', 'Failed connector provisioning', () => ({ details: 'invalid ticket' })),
  sscim: spec('ci', 'SCIM operation', scim(200)),
  fscim: spec('ci', 'Failed SCIM operation', scim(409)),
  directory_sync_started: spec('s', 'Directory sync started', sync),
  directory_sync_completed: spec('s', 'Directory sync completed', (scene) => ({
    ...sync(scene),
    completed_at: new Date(scene.atMs).toISOString(),
    sync_status: 'completed',
  })),
  directory_sync_failed: spec('s', 'Directory sync failed', (scene) => ({
    ...sync(scene),
    sync_status: 'failed',
    error: { message: 'The directory refused the credentials.', user_errors_summary: { other: 1 } },
  })),
  custom_domain_verification_failed: spec('', 'Custom domain not verified', ({ text }) => ({
    custom_domain_id: `cd_${text(16)}`,
    domain: 'login.customer.example',
    status: 'pending_verification',
    type: 'auth0_managed_certs',
  })),
  fn: spec('cuir', 'Notification not sent', notice),
  wn: spec('cu', 'Notification sent late', notice),
  wum: spec('u', 'The profile is larger than it may be', ({ tenant, user }) => ({
    tenant,
    user_id: user.id,
  })),
  resource_cleanup: spec('cu', 'Refresh tokens removed', () => ({
    resource: 'refresh_tokens',
    start: 260,
    removedCount: 60,
    endCount: 200,
  })),
  kms_key_management_success: spec('', 'Key rotated', key),
  kms_key_management_failure: spec('', 'Key not rotated'),
  kms_key_state_changed: spec('', 'Key state changed', key),
  ss_sso_success: spec('cui', 'Self-service SSO', selfService('ss_sso_connection_creation')),
  ss_sso_failure: spec('cui', 'Self-service SSO failed', selfService('ss_sso_add_domain')),
  ss_sso_info: spec('cui', 'Self-service SSO', selfService('ss_sso_flow_end')),
  admin_update_launch: spec('', 'Auth0 update launched'),
  sys_os_update_start: spec('', 'Auth0 OS update started'),
  sys_os_update_end: spec('', 'Auth0 OS update ended'),
  sys_update_start: spec('', 'Auth0 update started'),
  sys_update_end: spec('', 'Auth0 update ended'),
};
