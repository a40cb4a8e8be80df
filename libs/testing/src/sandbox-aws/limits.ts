// What AWS allows, in this judge's own words. Nothing here is shared with libs/core: the product states the same numbers a
// second time, and only two independent statements can disagree when one of them is wrong.

/** CloudWatch Logs, from the PutLogEvents reference, the quotas page and the service's API model. */
export const LOGS = {
  batchBytesMax: 1_048_576,
  batchEventsMax: 10_000,
  eventOverheadBytes: 26,
  eventBytesMax: 1_048_576,
  batchSpanMsMax: 24 * 60 * 60 * 1000,
  eventAgeMsMax: 14 * 24 * 60 * 60 * 1000,
  eventFutureMsMax: 2 * 60 * 60 * 1000,
  nameLengthMax: 512,
  kmsKeyIdLengthMax: 256,
  groupNamePattern: /^[.\-_/#A-Za-z0-9]+$/u,
  streamNamePattern: /^[^:*]*$/u,
  reservedGroupPrefix: 'aws/',
  retentionDays: [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
  ],
  groupClasses: ['STANDARD', 'INFREQUENT_ACCESS', 'DELIVERY'],
  /** For each account and Region. */
  callsPerSecondMax: { CreateLogGroup: 10, CreateLogStream: 50, PutRetentionPolicy: 5 },
  describePageMax: 50,
  eventsPageMax: 10_000,
  eventsPageBytesMax: 1_048_576,
  filterStreamNamesMax: 100,
  filterPatternLengthMax: 1024,
  tagsMax: 50,
  reservedTagPrefix: 'aws:',
  tagKeyLengthMax: 128,
  tagValueLengthMax: 256,
  tagPattern: /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u,
  entityKeyAttributesMin: 2,
  entityKeyAttributesMax: 4,
  entityAttributesMax: 10,
  entityAttributeNameLengthMax: 256,
  entityValueLengthMax: 512,
} as const;

/** STS, from the service's API model. */
export const STS = {
  durationSecondsMin: 900,
  durationSecondsMax: 43_200,
  durationSecondsDefault: 3_600,
  chainedDurationSecondsMax: 3_600,
  roleMaxSessionSecondsMin: 3_600,
  roleMaxSessionSecondsDefault: 3_600,
  sessionNameLengthMin: 2,
  sessionNameLengthMax: 64,
  sessionNamePattern: /^[\w+=,.@-]*$/u,
  tokenLengthMin: 4,
  tokenLengthMax: 20_000,
  roleArnLengthMin: 20,
  roleArnLengthMax: 2_048,
  externalIdLengthMin: 2,
  externalIdLengthMax: 1_224,
  externalIdPattern: /^[\w+=,.@:/-]*$/u,
  sessionPolicyLengthMax: 2_048,
  sessionPolicyPattern: /^[\t\n\r -\u00FF]+$/u,
  sessionTagsMax: 50,
  tagKeyLengthMax: 128,
  tagValueLengthMax: 256,
  tagPattern: /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u,
  tokenAgeSecondsMax: 86_400,
  algorithms: ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512'],
} as const;

/** S3, from the service's API model and user guide. */
export const S3 = {
  keyBytesMax: 1_024,
  metadataBytesMax: 2_048,
  listKeysMax: 1_000,
  partBytesMin: 5_242_880,
  partNumberMax: 10_000,
  bucketNamePattern: /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/u,
  storageClasses: [
    'STANDARD',
    'REDUCED_REDUNDANCY',
    'STANDARD_IA',
    'ONEZONE_IA',
    'INTELLIGENT_TIERING',
    'GLACIER',
    'DEEP_ARCHIVE',
    'GLACIER_IR',
    'EXPRESS_ONEZONE',
  ],
} as const;

/** Signature Version 4. */
export const SIGNING = {
  clockSkewMsMax: 15 * 60 * 1000,
  skewMinutes: 15,
} as const;

/** IAM identity providers and policies. */
export const IAM = {
  providerUrlLengthMax: 255,
  clientIdsMax: 100,
  clientIdLengthMax: 255,
  rsaKeysMax: 100,
  ecKeysMax: 100,
} as const;

/** What the sandbox itself refuses, so that no client can make it grow without bound. */
export const SANDBOX = {
  logsBodyBytesMax: 32 * 1024 ** 2,
  stsBodyBytesMax: 256 * 1024,
  objectBytesMax: 256 * 1024 ** 2,
  controlBodyBytesMax: 16 * 1024 ** 2,
  bodyBytesInFlightMax: 1024 ** 3,
  keptBytesMax: 256 * 1024 ** 2,
  keptEventOverheadBytes: 96,
  keptObjectOverheadBytes: 1_024,
  groupsMax: 200_000,
  streamsMax: 1_000_000,
  objectsMax: 500_000,
  uploadsMax: 10_000,
  partBytesMax: 2 * 1024 ** 3,
  bucketsMax: 100_000,
  accountsMax: 100_000,
  rolesMax: 100_000,
  usersMax: 100_000,
  kmsKeysMax: 10_000,
  sessionsMax: 200_000,
  faultsMax: 1_000,
  connectionsMax: 10_000,
  oidcDocumentBytesMax: 1024 ** 2,
  oidcFetchTimeoutMs: 5_000,
  waitMsMax: 60_000,
} as const;
