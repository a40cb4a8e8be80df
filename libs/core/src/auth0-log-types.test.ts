// The tables a second time, as Auth0's extension (1.3.10 of its tools) and Auth0's documentation have them.
import { auth0LevelName, auth0LogTypes } from './auth0-log-types';

const codes = (text: string): string[] => text.trim().split(/\s+/);

const ofExtension = [
  {
    level: 1,
    codes: codes(`
     admin_update_launch cls con cs gd_auth_succeed gd_enrollment_complete gd_module_switch
     gd_recovery_succeed gd_send_pn gd_send_sms gd_send_voice gd_start_auth gd_start_enroll
     gd_tenant_update gd_unenroll gd_update_device_account gd_user_delete s sapi sce scoa scp
     scph scpn scpr scu sd sdu seacft seccft sens seoobft seotpft sepft sercft sertft slo ss
     ssa sui sv svr sys_os_update_end sys_os_update_start sys_update_end sys_update_start
     ublkdu`),
  },
  {
    level: 2,
    codes: codes(`
     depnote fui gd_otp_rate_limit_exceed gd_recovery_rate_limit_exceed w`),
  },
  {
    level: 3,
    codes: codes(`
     coff du f fapi fc fce fco fcoa fcp fcph fcpn fcpr fcu fd fdu feacft feccft fens feoobft
     feotpft fepft fercft ferrt fertft flo fn fp fs fsa fu fv fvr gd_auth_failed
     gd_auth_rejected gd_recovery_failed gd_send_pn_failure gd_send_sms_failure
     gd_send_voice_failure gd_start_enroll_failed pwd_leak`),
  },
  {
    level: 4,
    codes: codes(`
     api_limit fcpro limit_delegation limit_mu limit_ui limit_wc`),
  },
];

const documentedSince = [
  {
    level: 1,
    codes: codes(`
     acls_summary ciba_exchange_succeeded ciba_start_succeeded
     connected_accounts_connection_succeeded connected_accounts_delete_succeeded
     directory_sync_completed directory_sync_started flows_execution_completed
     forms_submission_succeeded gd_auth_email_verification gd_send_email
     gd_send_email_verification idjag_exchange_succeeded kms_key_management_success
     kms_key_state_changed mfar mgmt_api_read my_account_authentication_method_succeeded
     oidc_backchannel_logout_succeeded organization_member_added passkey_challenge_started
     pla resource_cleanup scv secte sede sepkoobft sepkotpft sepkrcft seta si srrt
     ss_sso_info ss_sso_success sscim success_on_behalf_of_token_exchange
     universal_logout_succeeded`),
  },
  {
    level: 2,
    codes: codes(`
     acul_sdk_notice api_limit_warning appi too_many_records wn wum`),
  },
  {
    level: 3,
    codes: codes(`
     actions_execution_failed ciba_exchange_failed ciba_start_failed
     connected_accounts_connection_failed connected_accounts_delete_failed
     custom_domain_verification_failed directory_sync_failed
     failed_on_behalf_of_token_exchange fdeac fdeaz fdecc fecte fede federated_logout_failed
     fepotpft feta fi flows_execution_failed forms_submission_failed fpar fpurh
     gd_auth_fail_email_verification gd_send_email_verification_failure
     gd_webauthn_challenge_failed gd_webauthn_enrollment_failed idjag_exchange_failed
     jwt_bearer_exchange_failed kms_key_management_failure
     my_account_authentication_method_failed oidc_backchannel_logout_failed
     passkey_challenge_failed reset_pwd_leak rich_consents_access_error signup_pwd_leak
     ss_sso_failure universal_logout_failed`),
  },
  {
    level: 4,
    codes: codes(`
     limit_sul`),
  },
];

test.each([...ofExtension, ...documentedSince])('level $level: $codes', (row) => {
  for (const code of row.codes)
    expect([code, auth0LogTypes.get(code)?.level]).toEqual([code, row.level]);
});

test('the extension knew 98 codes, 80 came since, and there are no others', () => {
  const known = ofExtension.flatMap((row) => row.codes);
  const since = documentedSince.flatMap((row) => row.codes);
  expect([known.length, since.length]).toEqual([98, 80]);
  expect([...auth0LogTypes.keys()].sort()).toEqual([...known, ...since].sort());
});

test('every code has a name, and a category that Auth0 has', () => {
  const categories = new Set<string>();
  for (const { name, category } of auth0LogTypes.values()) {
    expect(name.length).toBeGreaterThan(0);
    categories.add(category);
  }
  expect([...categories].sort()).toEqual([
    'actions',
    'auth-login-fail',
    'auth-login-notification',
    'auth-login-success',
    'auth-logout-fail',
    'auth-logout-success',
    'auth-signup-fail',
    'auth-signup-success',
    'auth-silent-auth-fail',
    'auth-silent-auth-success',
    'auth-token-exchange-fail',
    'auth-token-exchange-success',
    'management-fail',
    'management-success',
    'other',
    'scim-event',
    'system-notification',
    'user-fail',
    'user-notification',
    'user-success',
  ]);
});

test.each([
  ['fp', 'error', 'Failed Login (wrong password)', 'auth-login-fail'],
  ['limit_wc', 'critical', 'Blocked Account', 'system-notification'],
  ['sapi', 'info', 'API Operation', 'management-success'],
  ['w', 'warning', 'Warning', 'auth-login-notification'],
  ['sscim', 'info', 'Successful SCIM Operation', 'scim-event'],
])('%s is of level %s: %s (%s)', (code, level, name, category) => {
  expect(auth0LevelName(code)).toBe(level);
  expect(auth0LogTypes.get(code)).toMatchObject({ name, category });
});

test('a code that nobody knows has no level', () => {
  expect(auth0LevelName('brand_new')).toBeUndefined();
  expect(auth0LevelName('constructor')).toBeUndefined();
});
