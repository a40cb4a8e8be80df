// Log events of multi-factor authentication. They share one shape.
import type { Scene } from './log-scene';
import { spec, type LogSpec, type LogSpecs } from './log-spec';

function details({ tenant, text, user, ip, userAgent }: Scene): Record<string, unknown> {
  return {
    session_id: text(32),
    device_id: `v0:${text(32)}`,
    authenticator: { id: `recovery-code|dev_${text(16)}`, type: 'otp', phone_number: null },
    enrollment: {
      _id: `dev_${text(16)}`,
      identifier: text(22),
      name: 'Phone',
      phone_number: null,
      tenant,
      user_id: user.id,
    },
    request: {
      ip,
      method: 'POST',
      path: '/api/verify-otp',
      query: '{}',
      userAgent,
      body: { code: '*****' },
      auth: { strategy: 'jwt_api2_internal_token', scopes: ['write:guardian'] },
    },
    response: { statusCode: 204 },
  };
}

const done = (description: string): LogSpec => spec('cuir', description, details);

const failed = (description: string, errorCode: string): LogSpec =>
  spec('cuir', description, (scene) => ({
    ...details(scene),
    response: { statusCode: 400 },
    failure_details: { errorCode, message: description },
  }));

export const guardianLogs: LogSpecs = {
  gd_auth_succeed: done('Guardian - Second factor authentication success'),
  gd_auth_failed: failed('Wrong code', 'invalid_otp'),
  gd_auth_rejected: failed('Rejected on the device', 'rejected'),
  gd_auth_email_verification: done('Email verification confirmed'),
  gd_auth_fail_email_verification: failed('Email verification failed', 'invalid_code'),
  gd_enrollment_complete: done('Enrollment complete'),
  gd_module_switch: done('Module switched'),
  gd_otp_rate_limit_exceed: failed('Too many wrong codes', 'too_many_failures'),
  gd_recovery_succeed: done('Recovery succeeded'),
  gd_recovery_failed: failed('Wrong recovery code', 'invalid_recovery_code'),
  gd_recovery_rate_limit_exceed: failed('Too many wrong recovery codes', 'too_many_failures'),
  gd_send_email: done('Email sent'),
  gd_send_email_verification: done('Email verification sent'),
  gd_send_email_verification_failure: failed('Email verification not sent', 'provider_error'),
  gd_send_pn: done('Push notification sent'),
  gd_send_pn_failure: failed('Push notification not sent', 'provider_error'),
  gd_send_sms: done('SMS sent'),
  gd_send_sms_failure: failed('SMS not sent', 'provider_error'),
  gd_send_voice: done('Voice call made'),
  gd_send_voice_failure: failed('Voice call not made', 'provider_error'),
  gd_start_auth: done('Second factor started'),
  gd_start_enroll: done('Enrollment started'),
  gd_start_enroll_failed: failed('Enrollment not started', 'already_enrolled'),
  gd_tenant_update: done('Guardian settings changed'),
  gd_unenroll: done('Device unenrolled'),
  gd_update_device_account: done('Device updated'),
  gd_user_delete: done('Guardian user deleted'),
  gd_webauthn_challenge_failed: failed('WebAuthn error of the browser', 'NotAllowedError'),
  gd_webauthn_enrollment_failed: failed('WebAuthn error of the browser', 'InvalidStateError'),
  too_many_records: failed('More authenticators than there may be', 'too_many_records'),
};
