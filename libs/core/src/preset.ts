// A preset fills in the names that a platform documents, so that Logferry is a drop-in for its own exporter.
//
// env0: https://docs.envzero.com (Amazon CloudWatch, Amazon S3 Logs). astro: Astronomer's "Export logs to AWS CloudWatch"; its page
// says that a group is for each Workspace and cluster and a stream for each Deployment, and does not say what they are called, so the
// words are ours. auth0: the extension "Auth0 Logs to CloudWatch", which writes to one named group and stream.

export const presetNames = ['env0', 'astro', 'auth0'] as const;
export type PresetName = (typeof presetNames)[number];

interface Preset {
  /** The types of log that the platform's own exporter has. */
  types: readonly string[];
  /** What a type of log is called in the keys of objects. */
  logType: (type: string) => string;
  /** The log group, a template; nothing if the destination has to name it. */
  logGroup?: (type: string) => string;
  /** The log stream, a template; nothing if the destination has to name it. */
  logStream?: (type: string) => string;
}

// The documented kinds are plural: env0-deployments, env0-audits. Any other type follows the pattern without guessing a plural.
const env0LogType = (type: string): string =>
  type === 'deployment' || type === 'audit' ? `env0-${type}s` : `env0-${type}`;

export const presets: Readonly<Record<PresetName, Preset>> = {
  env0: {
    types: ['deployment', 'audit'],
    logType: env0LogType,
    logGroup: env0LogType,
    // A log stream per deployment, and per organization for audits.
    logStream: (type) =>
      type === 'audit' ? '{attributes.organizationId}' : '{attributes.deploymentId}',
  },
  astro: {
    types: ['task'],
    logType: (type) => type,
    logGroup: (type) => `astro-${type}-logs/{attributes.workspaceId}/{attributes.clusterId}`,
    logStream: () => '{attributes.deploymentId}',
  },
  auth0: { types: ['tenant'], logType: (type) => type },
};
