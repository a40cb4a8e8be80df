// Log events of changes to users: passwords, addresses, numbers, invitations by mail, accounts that are connected.
import type { Scene } from './log-scene';
import { spec, type LogSpecs } from './log-spec';

const account = ({ client, connection, tenant, user }: Scene): Record<string, unknown> => ({
  client_id: client.id,
  connection: connection.name,
  email: user.email,
  tenant,
  user_id: user.id,
  username: user.name,
});

const password = (scene: Scene): object => ({
  title: 'Change Password',
  email: scene.user.email,
  description: 'The link has been used before.',
  body: {
    _csrf: '***',
    newPassword: '*****',
    confirmNewPassword: '*****',
    ticket: '***',
  },
  query: {
    ...account(scene),
    newPassword: '*****',
    includeEmailInRedirect: false,
    markEmailAsVerified: true,
    resultUrl: 'https://shop.customer.example',
  },
});

const passwordRequest = (scene: Scene): object => ({
  body: { ...account(scene), debug: false, newPassword: '*****', verify: true },
});

const email = (verified: boolean | string) => (scene: Scene) => ({
  body: {
    ...account(scene),
    email_verified: verified,
    newEmail: `new.${scene.user.email}`,
    verify: true,
  },
});

const phone = (verified: boolean | string) => (scene: Scene) => ({
  body: {
    ...account(scene),
    old_phone_number: '+49*******41',
    new_phone_number: '+49*******42',
    phone_verified: verified,
    verify: true,
  },
});

const verification = (includeEmailInRedirect: boolean | string) => (scene: Scene) => ({
  title: 'Confirm Email',
  email: scene.user.email,
  body: { tenant: scene.tenant, ticket: '***' },
  query: {
    ...account(scene),
    idp_user_id: scene.hex(24),
    includeEmailInRedirect,
    resultUrl: '',
  },
});

const verificationRequest = (scene: Scene): object => ({
  body: {
    ...account(scene),
    job_id: `job_${scene.text(16)}`,
    template: { type: 'verify_email' },
    to: scene.user.email,
    ttl_sec: 432_000,
  },
});

const deletion = ({ connection, tenant }: Scene): object => ({
  body: { connection: connection.name, tenant },
});
const imported = ({ connection, tenant }: Scene): object => ({
  connection: connection.name,
  tenant,
});
const connected = ({ text }: Scene): object => ({
  connected_account: { id: `cac_${text(16)}` },
  request: { method: 'POST', path: '/me/v1/connected-accounts/complete' },
});
const accountError = {
  error: { type: 'https://auth0.com/api-errors', title: 'Bad Request', status: 400 },
};
const method = ({ text }: Scene): object => ({
  operation: 'create',
  authentication_method: 'passkey',
  authentication_method_id: `passkey|${text(16)}`,
  request: { method: 'POST', path: '/me/v1/authentication-methods' },
});
const hook = (scene: Scene): object => ({ actions: { executions: [scene.hex(32)] } });
const leak = 'Someone logs in with a password that was published elsewhere';

export const userLogs: LogSpecs = {
  scp: spec('cusir', 'You can now log in with the new password.', (scene) => ({
    title: 'Change Password',
    email: scene.user.email,
    body: { newPassword: '*****' },
    query: account(scene),
  })),
  fcp: spec('cusir', 'The link has been used before.', password),
  scpr: spec('cusir', 'Change password request', passwordRequest),
  fcpr: spec('cusir', 'Change password request refused', passwordRequest),
  scph: spec('cusi', 'Post change password hook', hook),
  fcph: spec('cusi', 'Failed post change password hook', hook),
  fpurh: spec('cusir', 'Failed post user registration hook'),
  sce: spec('cusi', 'Email changed', email('true')),
  fce: spec('cusi', 'Email not changed', email(false)),
  scpn: spec('cusi', 'Phone number changed', phone(true)),
  fcpn: spec('cusi', 'Phone number not changed', phone('false')),
  scu: spec('cusi', 'Username changed', (scene) => ({
    body: { ...account(scene), oldUsername: scene.user.name, newUsername: `${scene.user.name}2` },
  })),
  // The misspelling is Auth0's own.
  fcu: spec('cusi', 'Username not changed', (scene) => ({
    body: { ...account(scene), oldUsername: scene.user.name, newUername: `${scene.user.name}2` },
  })),
  sv: spec('cusir', 'Your email was verified.', verification(true)),
  fv: spec('cusir', 'The address was not verified.', verification('false'), (scene) => ({
    title: 'Confirm Email',
    email: scene.user.email,
    body: { tenant: scene.tenant },
    query: { user_id: scene.user.id },
  })),
  svr: spec('cusir', 'Verification email sent', verificationRequest),
  fvr: spec('cusir', 'Verification email not sent', verificationRequest),
  sdu: spec('usi', 'User deleted', deletion),
  fdu: spec('usi', 'User not deleted', deletion),
  du: spec('usi', 'Deleted user', deletion),
  sui: spec('c', 'Users imported', imported),
  fui: spec('cusio', 'Users not imported', imported),
  ublkdu: spec('cusi', 'User unblocked', ({ user }) => ({ email: user.email })),
  pwd_leak: spec('cuhix', leak),
  signup_pwd_leak: spec('cuhix', leak),
  reset_pwd_leak: spec('cuhix', leak),
  connected_accounts_connection_succeeded: spec('cuhirv', 'Account connected', connected),
  connected_accounts_connection_failed: spec('cuhirv', 'Account not connected', (scene) => ({
    ...connected(scene),
    ...accountError,
  })),
  connected_accounts_delete_succeeded: spec('cuhirv', 'Account disconnected', connected),
  connected_accounts_delete_failed: spec('cuhirv', 'Account not disconnected', (scene) => ({
    ...connected(scene),
    ...accountError,
  })),
  my_account_authentication_method_succeeded: spec('cuhirv', 'Passkey added', method),
  my_account_authentication_method_failed: spec('cuhirv', 'Passkey not added', (scene) => ({
    ...method(scene),
    ...accountError,
  })),
};
