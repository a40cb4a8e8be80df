// What is done alike with every kind of record: tenants, destinations, sources, channels and keys.
import { assertWanted, type Session } from './command';

/** One record, which a command was told the address of. */
export interface OnRecord extends Session {
  address: string;
  /** Such as `destination acme/logs`. */
  title: string;
}

interface Listed<T> {
  address: string;
  /** What the list is called in the answer. */
  field: string;
  query?: Readonly<Record<string, string | undefined>>;
  head: readonly string[];
  rowOf: (record: T) => readonly string[];
}

export async function listRecords<T extends { id: string; unreadable?: true }>(
  { terminal, console }: Session,
  { address, field, query, head, rowOf }: Listed<T>,
): Promise<number> {
  const all = await console.list<T>(address, field, query);
  if (terminal.isJson) terminal.json(all);
  else
    terminal.table(
      head,
      all.map((record) => (record.unreadable === true ? unreadableRow(record) : rowOf(record))),
    );
  return 0;
}

function unreadableRow({ id }: { id: string }): string[] {
  return [id, '(unreadable: written by another version)'];
}

/** Always as JSON: nobody wants half of a record. */
export async function showRecord({ terminal, console, address }: OnRecord): Promise<number> {
  terminal.json(await console.get(address));
  return 0;
}

export async function switchRecord(
  { terminal, console, address, title }: OnRecord,
  action: 'enable' | 'disable',
): Promise<number> {
  const { version, ...shown } = await console.get<{ version: number }>(address);
  const body = { ...shown, enabled: action === 'enable' };
  terminal.result(await console.put(address, { body, expected: version }), `${title}: ${action}d`);
  return 0;
}

interface Deletion {
  /** Whether it was said beforehand that it is wanted. */
  isSaid: boolean;
  /** Whether it is done although something waits. */
  isForced?: boolean;
  question?: string;
  done?: 'deleted' | 'revoked';
}

export async function deleteRecord(
  { terminal, console, address, title }: OnRecord,
  { isSaid, isForced, question = `Delete the ${title}?`, done = 'deleted' }: Deletion,
): Promise<number> {
  if (!(await assertWanted(terminal, isSaid, question))) return 1;
  const query = { force: isForced === true ? 'true' : undefined };
  terminal.result(await console.delete(address, { query }), `${title}: ${done}`);
  return 0;
}
