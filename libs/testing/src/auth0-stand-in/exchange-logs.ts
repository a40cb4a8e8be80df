// Log events of getting tokens: grants, exchanges, devices, delegations.
import type { Scene } from './log-scene';
import { spec, type LogSpecs } from './log-spec';

const jti = ({ text }: Scene): object => ({ access_token_jti: text(22) });
const actions = ({ hex }: Scene): object => ({ actions: { executions: [hex(32)] } });
const granted = (scene: Scene): object => ({ ...jti(scene), ...actions(scene) });
const authorizationCode = (scene: Scene): object => ({
  ...jti(scene),
  code: `***${scene.text(3)}`,
});
const refusedCode = ({ text }: Scene): object => ({ code: `***${text(3)}` });
const actor = ({ user }: Scene): object => ({ actor: { sub: user.id } });
const SUBJECT = { subject_token_type: 'urn:ietf:params:oauth:token-type:access_token' };
const oauthError = (name: string, message: string): object => ({
  error: { message, oauthError: name, type: name },
});
const device = ({ client }: Scene): object => ({
  body: { client_id: client.id, audience: 'https://api.customer.example', scope: 'openid' },
  ...oauthError('access_denied', 'The grant is not allowed.'),
});
const delegation = ({ client }: Scene): object => ({
  api_type: 'app',
  grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
  scope: 'openid',
  target: client.id,
});
const ciba = (): object => ({
  body: { audience: 'https://api.customer.example', login_hint: '{…}', scope: 'openid' },
});
const vault = { is_privileged_worker: false, ...SUBJECT };

export const exchangeLogs: LogSpecs = {
  seacft: spec('cuhiorxvap', 'Authorization code for access token', authorizationCode),
  feacft: spec('cuhirxv', 'Invalid authorization code', refusedCode),
  seccft: spec('chiorxvap', 'Client credentials for access token', granted),
  feccft: spec('chioxvap', 'Unauthorized'),
  sepft: spec('cuhixvap', 'Password for access token', granted),
  fepft: spec('cuhixvap', 'Wrong email or password.'),
  sertft: spec('cuhiovap', 'Refresh token for access token', (scene) => ({
    ...granted(scene),
    familyId: scene.hex(24),
    tokenCounter: scene.number(400),
  })),
  fertft: spec('cuhivap', 'Unknown or invalid refresh token.', ({ pick }) => ({
    failure_reason: pick(['session_not_found', 'grant_revoked', 'invalid_token']),
  })),
  ferrt: spec('cuhixvap', 'Reused rotating refresh token', ({ hex }) => ({
    familyId: hex(24),
    latestCounter: 9,
    tokenCounter: 7,
  })),
  srrt: spec('cuhiv', 'Refresh token revoked', ({ text, hex }) => ({
    credential_id: `rt_${text(16)}`,
    grant_id: hex(24),
    method: 'POST',
  })),
  seoobft: spec('cuhixvap', 'Password and OOB challenge for access token', granted),
  feoobft: spec('cuhioxap', 'Malformed oob_code'),
  seotpft: spec('cuhixvap', 'Password and OTP challenge for access token'),
  feotpft: spec('cuhioxvap', 'Invalid otp_code.'),
  sercft: spec('cuhixap', 'Password and MFA recovery code for access token'),
  fercft: spec('cuhioxap', 'MFA authorization rejected.'),
  fepotpft: spec('cuhixvap', 'Wrong phone number or verification code.'),
  sepkoobft: spec('cuhioxvap', 'Passkey and OOB challenge for access token'),
  sepkotpft: spec('cuhioxvap', 'Passkey and OTP challenge for access token'),
  sepkrcft: spec('cuhioxvap', 'Passkey and MFA recovery code for access token'),
  sens: spec('cuhixvap', 'Native social login', (scene) => ({ ...jti(scene), ...SUBJECT })),
  fens: spec('cuhixvap', 'Invalid subject token', () => SUBJECT),
  secte: spec('cuhioxvap', 'Custom token exchange', (scene) => ({
    ...jti(scene),
    ...actor(scene),
    ...SUBJECT,
  })),
  fecte: spec('chixvap', 'Custom token exchange refused', () => SUBJECT),
  success_on_behalf_of_token_exchange: spec('cuhioxvap', 'On-behalf-of exchange', (scene) => ({
    ...jti(scene),
    ...actor(scene),
    ...SUBJECT,
    requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
  })),
  failed_on_behalf_of_token_exchange: spec('chixvap', 'On-behalf-of exchange refused', actor),
  seta: spec(
    'cusiov',
    'Exchange at the token vault',
    (scene) => ({
      ...vault,
      expires_at: new Date(scene.atMs + 3_600_000).toISOString(),
      issued_token_type: 'http://auth0.com/oauth/token-type/federated-connection-access-token',
      scope: 'https://www.googleapis.com/auth/calendar',
      token_thumbprint: scene.hex(40),
    }),
    ({ hex }) => ({ identity_user_id: hex(21) }),
  ),
  feta: spec('cusiov', 'Exchange at the token vault refused', () => ({
    ...vault,
    failure_reason: 'federated_connection_refresh_token_not_found',
  })),
  sede: spec('cuhixap', 'Device code for access token', jti),
  fede: spec('cuhixap', 'The device code is over'),
  fdeaz: spec('chi', 'Failed device authorization request', device),
  fdeac: spec('cusiap', 'Failed device activation', ({ text }) => ({
    code: `${text(4)}-${text(4)}`.toUpperCase(),
    session_id: text(32),
  })),
  fdecc: spec('cui', 'User canceled the device confirmation', ({ text }) => ({
    session_id: text(32),
  })),
  sd: spec('cuhiv', 'Successful delegation', delegation),
  fd: spec('cuhiv', 'Failed delegation', delegation),
  fpar: spec('cuhioap', 'Failed pushed authorization request', () =>
    oauthError('invalid_request', 'Callback URL mismatch.'),
  ),
  jwt_bearer_exchange_failed: spec('cuhioxvap', 'JWT bearer assertion refused'),
  idjag_exchange_succeeded: spec('cuhioxvap', 'Identity assertion for access token', granted),
  idjag_exchange_failed: spec('cuhioxvap', 'Identity assertion refused', ({ client }) => ({
    requested_client_id: client.id,
  })),
  ciba_start_succeeded: spec('cuhiv', 'CIBA started', (scene) => ({
    ...ciba(),
    notification_channel: 'guardian-push',
    transaction_linking_id: `cns_${scene.text(22)}`,
  })),
  ciba_start_failed: spec('cuhiv', 'CIBA not started', () => ({
    ...ciba(),
    error: { message: 'The user is not enrolled.' },
  })),
  ciba_exchange_succeeded: spec('cuhivap', 'CIBA exchange', () => ({
    notification_channel: 'guardian-push',
  })),
  ciba_exchange_failed: spec('cuhiv', 'CIBA exchange refused', () => ({
    error: { message: 'The end-user denied the authorization request.' },
  })),
  sdeleacft: spec('cuhiorxvap', 'Delegated code for access token', (scene) => ({
    ...authorizationCode(scene),
    ...actor(scene),
  })),
  fdeleacft: spec('cuhirxv', 'Delegated code refused', (scene) => ({
    ...refusedCode(scene),
    ...actor(scene),
  })),
};
