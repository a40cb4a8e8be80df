import type { ServiceName } from './authenticate';

/** What a call is about, as far as it is known once its signature has been checked. Faults are matched against this. */
export interface CallSubject {
  readonly service: ServiceName;
  readonly operation: string;
  readonly principalArn?: string | undefined;
  readonly accessKeyId?: string | undefined;
  readonly account?: string | undefined;
  readonly roleArn?: string | undefined;
  readonly region?: string | undefined;
  readonly logGroup?: string | undefined;
  readonly logStream?: string | undefined;
  readonly bucket?: string | undefined;
}

/** What the service itself must do differently for this call; everything else a fault does happens outside of it. */
export interface CallEffects {
  readonly halfAccept?: HalfAccept | undefined;
  /** The call does what it does, and nobody will be told. */
  readonly isAnswerLost?: boolean;
}

export interface HalfAccept {
  readonly rejectedAs: 'too-old' | 'too-new' | 'expired';
  readonly rejectedCount?: number | undefined;
}

/** Every service passes its calls through here after authentication and before it does anything. May wait, and may throw. */
export type Gate = (subject: CallSubject) => Promise<CallEffects>;
