/**
 * Tells events of the cluster from what strangers write: only what verifies against the chain is genuine, whatever its
 * headers say.
 */
import type { Chain } from '@dbsync/replication/testing';

/** A record as it stands in the topic. */
export interface JudgedRecord {
  readonly partition: number;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer | string>>;
}

/** What a genuine record says: which row it is, and its link. */
export interface GenuineEvent {
  readonly origin: string;
  readonly seq: number;
  readonly link: string;
}

/** Reads a record; undefined for a stranger's. */
export function genuineEvent(chain: Chain, { value, headers }: JudgedRecord): GenuineEvent | undefined {
  const text = (name: string): string => String(headers[name] ?? '');
  const table = /^([a-z][a-z0-9_]*)\.inserted$/.exec(text('ce_type'))?.[1];
  const [origin, seq, schemaVersion] = [
    text('ce_origin'),
    Number(text('ce_seq')),
    Number(text('ce_schemaversion')),
  ];
  if (value === null || table === undefined || !(seq >= 1 && seq <= 0xffffffff && schemaVersion >= 1))
    return undefined;
  const [previous, link] = [Buffer.from(text('ce_previous'), 'hex'), Buffer.from(text('ce_chain'), 'hex')];
  const row = { origin, seq, schemaVersion, table, bytes: value };
  if (previous.length !== 32) return undefined;
  return chain.verify(link, previous, row) ? { origin, seq, link: link.toString('base64') } : undefined;
}
