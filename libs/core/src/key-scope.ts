/** What a key may do: send log events, read the configuration, or read and change it. */
export const keyScopes = ['send', 'read', 'admin'] as const;
export type KeyScope = (typeof keyScopes)[number];
