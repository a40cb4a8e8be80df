/** A refusal in AWS's words: the code and status a client keys on, and what the service would say. Each protocol renders it its own way. */
export class AwsError extends Error {
  readonly code: string;
  readonly httpStatus: number;
  readonly details: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: string,
    message: string,
    httpStatus = 400,
    extra: { details?: Record<string, string>; headers?: Record<string, string> } = {},
  ) {
    super(message);
    this.name = 'AwsError';
    this.code = code;
    this.httpStatus = httpStatus;
    this.details = extra.details ?? {};
    this.headers = extra.headers ?? {};
  }
}
