// Log events of logging in, signing up, logging out and of what is asked for on the way.
import type { Scene } from './log-scene';
import { spec, type LogSpecs } from './log-spec';

const oauthError = (oauthError: string, message: string) => (): object => ({
  error: { message, oauthError, type: oauthError.replaceAll('_', '-') },
});

const stats = ({ number }: Scene): object => ({ loginsCount: 1 + number(900) });

function prompts(scene: Scene): object {
  const { atMs, connection, strategy, text, number } = scene;
  const elapsedTime = 200 + number(20_000);
  const initiatedAt = atMs - elapsedTime;
  return {
    prompts: [
      {
        name: 'prompt-authenticate',
        initiatedAt,
        completedAt: atMs,
        elapsedTime,
        connection: connection.name,
        connection_id: connection.id,
        strategy,
        identity: scene.hex(24),
        stats: stats(scene),
        session: false,
        requiredCaptcha: false,
        session_id: text(32),
        performed_amr: ['pwd'],
      },
    ],
    initiatedAt,
    completedAt: atMs,
    elapsedTime,
    session_id: text(32),
    stats: stats(scene),
  };
}

const actions = ({ hex }: Scene): object => ({ actions: { executions: [hex(32)] } });

const delegated = (scene: Scene): object => ({ actor: { sub: scene.user.id }, ...prompts(scene) });

const risk = ({ ip }: Scene): object => ({
  riskAssessment: {
    version: '1',
    confidence: 'medium',
    assessments: {
      UntrustedIP: {
        confidence: 'low',
        code: 'found_on_deny_list',
        details: { ip, matches: `${ip}/32`, source: 'STOPFORUMSPAM-1' },
      },
      NewDevice: { confidence: 'high', code: 'match' },
      ImpossibleTravel: { confidence: 'high', code: 'minimal_travel_from_last_login' },
    },
  },
});

const logout = ({ text, domain }: Scene): object => ({
  return_to: `https://www.customer.example/?from=${domain}`,
  allowed_logout_url: ['https://www.customer.example', 'https://shop.customer.example'],
  session_id: text(32),
});

const backchannel =
  (statusCode: number) =>
  ({ domain }: Scene): object => ({
    request: { method: 'POST', backchannel_logout_uri: `https://shop.customer.example/${domain}` },
    response: { statusCode },
    initiator: 'rp-logout',
  });

const invitation = ({ client, organization, user, text, atMs }: Scene): object => ({
  invitation: {
    id: `uinv_${text(16)}`,
    ticket_id: text(32),
    client_id: client.id,
    created_at: new Date(atMs - 3_600_000).toISOString(),
    expires_at: new Date(atMs + 3_600_000).toISOString(),
    invitee: { email: user.email },
    inviter: { name: 'The office', organization_id: organization.id },
    roles: [`rol_${text(16)}`],
  },
});

const code = (scene: Scene): object => ({
  body: {
    client_id: scene.client.id,
    connection: scene.connection.name,
    tenant: scene.tenant,
    email: scene.user.email,
    phone_number: '+49*******42',
    username: scene.user.name,
    ip: scene.ip,
    'user-agent': scene.userAgent,
    request_language: 'de-DE,de;q=0.9',
    send: 'code',
    authParams: {
      audience: 'https://api.customer.example',
      redirect_uri: 'https://shop.customer.example/callback',
      response_type: 'code',
      scope: 'openid profile email',
      state: scene.text(24),
    },
  },
});

const form = ({ text }: Scene): object => ({ form_id: `ap_${text(22)}`, state: text(40) });
const flow = ({ text }: Scene): object => ({
  flow_id: `af_${text(22)}`,
  execution_id: text(20),
  state: text(40),
});
const stepFailed = { error: { code: 'ERR-ACTION', message: 'The HTTP request was refused' } };

export const loginLogs: LogSpecs = {
  s: spec('cushiorxv', 'Successful login', (scene) => ({ ...prompts(scene), ...actions(scene) })),
  f: spec('cushiorxvap', 'Wrong email or verification code.', (scene) => ({
    ...oauthError('access_denied', 'Wrong email or verification code.')(),
    ...risk(scene),
    stats: stats(scene),
  })),
  fp: spec('cusiorx', 'Wrong email or password.', () => ({
    error: { message: 'Wrong email or password.' },
  })),
  fu: spec('cusiorx', 'Wrong email or password.', () => ({
    error: { message: 'Wrong email or password.' },
  })),
  scoa: spec('cushivo', 'Successful cross-origin authentication', prompts),
  fcoa: spec('cusivap', 'Failed cross-origin authentication', (scene) => ({
    ...oauthError('access_denied', 'Wrong email or password.')(),
    body: { realm: scene.connection.name },
    connection: scene.connection.name,
  })),
  fco: spec('cuhivr', 'The origin is not among the allowed ones', () => ({
    allowedOrigins: ['https://shop.customer.example'],
    headers: { origin: 'https://elsewhere.example' },
    host: 'shop.customer.example',
    method: 'POST',
    origin: 'https://elsewhere.example',
    xhr: true,
  })),
  ssa: spec('cuhiov', 'Successful silent authentication', prompts),
  fsa: spec('cuhivap', 'Login required'),
  scv: spec('cushiorv', 'Successful credential validation', prompts),
  ss: spec('cushiorxv', 'Successful signup', (scene) => ({
    body: {
      client_id: scene.client.id,
      connection: scene.connection.name,
      email: scene.user.email,
      password: '*****',
      tenant: scene.tenant,
      transaction: { id: scene.text(32), protocol: 'oidc-basic-profile', prompt: [] },
    },
  })),
  fs: spec('cusirx', 'The user already exists.', risk),
  slo: spec('cuhivr', 'User successfully logged out', logout),
  flo: spec('cuhivr', 'The return address is not allowed', logout),
  federated_logout_failed: spec('ui', 'Failed federated logout', () => ({
    errors: ['no session at the identity provider'],
  })),
  oidc_backchannel_logout_succeeded: spec('cu', 'Successful back-channel logout', backchannel(200)),
  oidc_backchannel_logout_failed: spec('cu', 'Failed back-channel logout', (scene) => ({
    ...backchannel(503)(scene),
    errors: ['The application did not answer with 200.'],
  })),
  universal_logout_succeeded: spec('ui', 'Successful universal logout'),
  universal_logout_failed: spec('ui', 'Failed universal logout', () => ({
    error: 'sessions could not be revoked',
    response: { statusCode: 500 },
  })),
  si: spec('cuhio', 'Successfully accepted an invitation', invitation),
  fi: spec('cuhio', 'The invitation is over', invitation),
  organization_member_added: spec('cuhio', 'Member added', ({ pick }) => ({
    reason: pick(['invitation', 'auto_membership']),
  })),
  cls: spec('cusir', 'Passwordless login link sent', (scene) => ({
    ...code(scene),
    link: `https://${scene.domain}/passwordless/verify_redirect?…`,
  })),
  cs: spec('cusir', 'Passwordless login code sent', code),
  pla: spec('cuhiv', 'Pre-login assessment', ({ text }) => ({
    ipOnAllowlist: false,
    requiresVerification: true,
    session_id: text(32),
  })),
  mfar: spec('cushiov', 'MFA required', ({ ip }) => ({
    version: '1',
    confidence: 'low',
    assessments: {
      UntrustedIP: {
        confidence: 'low',
        code: 'found_on_deny_list',
        details: { ip, matches: `${ip}/32`, source: 'STOPFORUMSPAM-1' },
      },
    },
  })),
  w: spec('cusiap', 'The profile is larger than it may be', (scene) => ({
    method: 'GET',
    path: '/login/callback',
    session_id: scene.text(32),
  })),
  passkey_challenge_started: spec('cuhiorv', 'Passkey challenge started', (scene) => ({
    ...prompts(scene),
    purpose: 'login',
  })),
  passkey_challenge_failed: spec('cuhiorv', 'Passkey challenge failed', () => ({
    purpose: 'register',
    error: { message: 'The challenge is over.' },
  })),
  forms_submission_succeeded: spec('cushiorv', 'Form submitted', form),
  forms_submission_failed: spec('cushiorv', 'Form not submitted', (scene) => ({
    ...form(scene),
    ...stepFailed,
  })),
  flows_execution_completed: spec('cushiorv', 'Flow completed', flow),
  flows_execution_failed: spec('cushiorv', 'Flow failed', (scene) => ({
    ...flow(scene),
    ...stepFailed,
  })),
  rich_consents_access_error: spec('uhi', 'Rich consent not accessible', ({ text }) => ({
    requestedRichConsentId: `cns_${text(22)}`,
    error: { message: 'It belongs to another user.' },
  })),
  sdel: spec('cushiorxv', 'Successful delegated login', delegated),
  sdelsa: spec('cuhiov', 'Successful delegated silent authentication', delegated),
  fdelsa: spec('cuhiovap', 'Failed delegated silent authentication', ({ user }) => ({
    actor: { sub: user.id },
  })),
};
