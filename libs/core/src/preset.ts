// A preset fills in the names that a platform documents, so that Logferry is a drop-in for its own exporter.
// Names: https://docs.envzero.com (Amazon CloudWatch, Amazon S3 Logs).

export type PresetName = 'env0';

interface Preset {
  /** What a type of log is called in groups and keys. */
  logType(type: string): string;
  /** A log stream per deployment, and per organization for audits. */
  logStream(type: string): string;
}

const env0: Preset = {
  // The documented kinds are plural: env0-deployments, env0-audits. Any other type follows the pattern without guessing a plural.
  logType: (type) => (type === 'deployment' || type === 'audit' ? `env0-${type}s` : `env0-${type}`),
  logStream: (type) =>
    type === 'audit' ? '{attributes.organizationId}' : '{attributes.deploymentId}',
};

export const presets: Readonly<Record<PresetName, Preset>> = { env0 };
