import type { Destination, Source } from '@logferry/core';
import { keyMatches, splitKey, type StoredKey } from './api-key';
import {
  isWide,
  sourceIn,
  type ConfigStore,
  type SourceRecords,
  type TenantRecord,
} from './config-store';

const POLL_MS = 500;
const CHANGES_A_POLL = 1_000;
/** Unknown names are remembered too, so that asking for them again and again costs nothing; hence a bound. */
const REMEMBERED_MAX = 50_000;

/**
 * The configuration as a running process sees it: remembered once asked for, and forgotten within a second of a change.
 *
 * While Redis is away it answers with what it remembers.
 */
export class Directory {
  private readonly tenants = new Remembered<TenantRecord | undefined>(async (id) => {
    const record = await this.store.tenant(id);
    for (const problem of record?.unreadable ?? []) this.onError(problem);
    return record;
  });
  private readonly sources = new Remembered<SourceRecords>(async (tenantId) => {
    const records = await this.store.sources(tenantId);
    for (const problem of records.unreadable) this.onError(problem);
    return records;
  });
  private readonly keys = new Remembered<StoredKey | undefined>((id) => this.store.key(id));
  private place: string | undefined;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    private readonly store: ConfigStore,
    private readonly onError: (error: unknown) => void,
    /** Told whose configuration has changed; without a tenant, it may be anybody's. */
    private readonly onTenantChange: (tenantId?: string) => void = () => undefined,
  ) {}

  start(): void {
    this.timer = setTimeout(() => {
      void this.poll().finally(() => {
        if (!this.stopped) this.start();
      });
    }, POLL_MS);
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  /**
   * A tenant with all of its destinations. With one of them left out, log events that it wants would be accepted, and it would never
   * have them.
   *
   * @throws Unreadable
   */
  async tenant(tenantId: string): Promise<TenantRecord | undefined> {
    const record = await this.tenants.get(tenantId);
    const problem = record?.unreadable?.[0];
    if (problem !== undefined) throw problem;
    return record;
  }

  /** @throws Unreadable if it is there and cannot be read; what its tenant has besides may well be. */
  async destination(tenantId: string, destinationId: string): Promise<Destination | undefined> {
    const record = await this.tenants.get(tenantId);
    const problem = record?.unreadable?.find(({ id }) => id === destinationId);
    if (problem !== undefined) throw problem;
    return record?.destinations.find(({ id }) => id === destinationId);
  }

  /** @throws Unreadable if it is there and cannot be read; what its tenant has besides may well be. */
  async source(tenantId: string, sourceId: string): Promise<Source | undefined> {
    return sourceIn(await this.sources.get(tenantId), sourceId);
  }

  /** Whether AWS is known to let another tenant assume the role that a destination has. */
  async hasWideRole(tenantId: string, { credentials }: Destination): Promise<boolean> {
    return isWide(await this.tenants.get(tenantId), credentials);
  }

  /** Whose key this is, if it is one. */
  async authenticate(text: string): Promise<StoredKey | undefined> {
    const parts = splitKey(text);
    if (parts === undefined) return undefined;
    const key = await this.keys.get(parts.id);
    return key !== undefined && keyMatches(key, parts.secret) ? key : undefined;
  }

  private async poll(): Promise<void> {
    try {
      const news =
        this.place === undefined
          ? undefined
          : await this.store.changesAfter(this.place, CHANGES_A_POLL);
      if (news === undefined) {
        // What was remembered before we knew where the announcements stood may be old.
        this.place = await this.store.changesEnd();
        this.forgetAll();
        this.onTenantChange();
        return;
      }
      const { place, changes } = news;
      this.place = place;
      if (changes.length === CHANGES_A_POLL) {
        this.forgetAll();
        this.onTenantChange();
      }
      for (const change of changes) {
        if (change.kind === 'tenant') {
          this.tenants.forget(change.tenantId);
          this.sources.forget(change.tenantId);
          this.onTenantChange(change.tenantId);
        } else this.keys.forget(change.keyId);
      }
    } catch (error) {
      this.place = undefined; // Redis may come back with announcements that we missed
      this.onError(error);
    }
  }

  private forgetAll(): void {
    this.tenants.forgetAll();
    this.sources.forgetAll();
    this.keys.forgetAll();
  }
}

/** Asks once for each key, however many ask at the same time, and remembers the answer until it is told to forget. */
class Remembered<V> {
  private readonly answers = new Map<string, Promise<V>>();

  constructor(private readonly ask: (key: string) => Promise<V>) {}

  get(key: string): Promise<V> {
    let answer = this.answers.get(key);
    if (answer === undefined) {
      if (this.answers.size >= REMEMBERED_MAX) this.answers.clear();
      const asked: Promise<V> = this.ask(key).catch((error: unknown) => {
        if (this.answers.get(key) === asked) this.answers.delete(key); // a failure is not an answer
        throw error;
      });
      answer = asked;
      this.answers.set(key, answer);
    }
    return answer;
  }

  forget(key: string): void {
    this.answers.delete(key);
  }

  forgetAll(): void {
    this.answers.clear();
  }
}
