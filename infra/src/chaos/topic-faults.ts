/**
 * What befalls the topic: deleted, cut by retention, written to by strangers.
 *
 * Each fault resolves with a sentence on how it was seen to take hold, and throws when it did not.
 */

import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import type { RawKafkaRecord } from '@dbsync/replication/testing';
import { errorText } from '../infra-error.ts';
import { waitFor } from '../process/wait-for.ts';
import type { WatchedGround } from './chaos-ground.ts';
import { Evidence } from './evidence.ts';
import type { PlannedFault } from './fault-plan.ts';
import { notHeld } from './not-held.ts';
import { readyAgain } from './replica-faults.ts';
import { lookAt, type ReplicaLook } from './replica-look.ts';
import { passOver } from './retention.ts';
import { type SeededRandom, seededRandom } from './seeded-random.ts';

const noticeTimeoutMs = 90_000;

/** Deleted with everything in it; the replicas make it anew and fill it again. */
export async function deleteTopic(ground: WatchedGround): Promise<string> {
  return ground.claims.holding(['log'], async () => {
    const before = await total(ground);
    const evidence = await evidenceOf(ground, ({ counters }) => counters.relinks);
    await ground.topic.drop();
    ground.cut.clear();
    const noticed = await seenByOne(ground, (look) => evidence.hasGrown(look));
    const after = await total(ground);
    return `the topic with ${before} records was deleted, ${noticed} reads again; ${after} records so far`;
  });
}

/** Retention removes what a replica that is down has not read. */
export async function passRetention(ground: WatchedGround, fault: PlannedFault): Promise<string> {
  const victim = seededRandom(fault.seed).pick(ground.cluster.replicas);
  return ground.claims.holding([victim.name, 'log'], async () => {
    await victim.takeDown('SIGKILL');
    try {
      await pause(fault.durationMs);
      await untilSomethingIsUnread(ground, victim.database);
      await passOver(ground.topic, ground);
      const lows = new Map((await ground.topic.offsets()).map(({ partition, low }) => [partition, low]));
      const passed = positionsIn(victim.database).filter(
        ({ partition, next }) => next < (lows.get(partition) ?? 0),
      );
      if (passed.length === 0) throw notHeld(`${victim.name} had read everything that was removed`);
      return `retention passed ${passed.length} positions of ${victim.name}`;
    } finally {
      const begunMs = performance.now();
      await victim.restart();
      await readyAgain(ground, victim, begunMs);
    }
  });
}

/** Events of before come again. */
export async function sendAgain(ground: WatchedGround, fault: PlannedFault): Promise<string> {
  return ground.claims.holding(['log'], async () => {
    const events = await firstEvents(ground, fault.count);
    const evidence = await evidenceOf(ground, ({ counters }) => counters.duplicates);
    await ground.topic.send(events);
    const noticed = await seenByOne(ground, (look) => evidence.hasGrown(look));
    return `${events.length} events came again; ${noticed} dropped duplicates`;
  });
}

/** Records that are no events of ours. */
export async function sendGarbage(ground: WatchedGround, fault: PlannedFault): Promise<string> {
  const random = seededRandom(fault.seed);
  return ground.claims.holding(['log'], async () => {
    const events = await firstEvents(ground, 20);
    const garbage = Array.from({ length: fault.count }, () => garbageRecord(random, events));
    const replicas = [...ground.cluster.replicas];
    const places = await ground.topic.send(garbage);
    await waitFor({
      what: 'all replicas to have each of these records in quarantine',
      timeoutMs: noticeTimeoutMs,
      code: 'not-held',
      look: () => {
        const missing = replicas.flatMap(({ name, database }) => {
          const why = whyNotInQuarantine(database, places);
          return why === undefined ? [] : [`${name}: ${why}`];
        });
        return missing.length === 0 ? { found: true } : { missing: missing.join('; ') };
      },
    });
    return `${garbage.length} records of a stranger; all ${replicas.length} replicas put each into quarantine`;
  });
}

/** A stranger's transactions, committed and aborted, leave markers behind that are no records. */
export async function sendTransactions(ground: WatchedGround, fault: PlannedFault): Promise<string> {
  return ground.claims.holding(['log'], async () => {
    const events = await firstEvents(ground, fault.count);
    const before = await total(ground);
    await ground.topic.sendInTransaction(events, 'commit');
    await ground.topic.sendInTransaction(events, 'abort');
    const added = (await total(ground)) - before;
    if (added <= events.length * 2) throw notHeld(`${added} offsets came with ${events.length * 2} records`);
    return `${events.length} records committed, ${events.length} aborted, by a transactional producer`;
  });
}

/** Waits until the topic holds something that a replica which is down has not read. */
async function untilSomethingIsUnread(ground: WatchedGround, file: string): Promise<void> {
  await waitFor({
    what: 'the log to go on without a replica',
    timeoutMs: noticeTimeoutMs,
    code: 'not-held',
    look: async () => {
      const ends = new Map((await ground.topic.offsets()).map(({ partition, end }) => [partition, end]));
      const isBehind = positionsIn(file).some(({ partition, next }) => next < (ends.get(partition) ?? 0));
      return isBehind ? { found: true } : { missing: 'it has read everything' };
    },
  });
}

async function total(ground: WatchedGround): Promise<number> {
  return waitFor({
    what: 'the topic',
    timeoutMs: noticeTimeoutMs,
    code: 'not-held',
    look: async () => {
      try {
        const offsets = await ground.topic.offsets();
        return { found: offsets.reduce((sum, { low, end }) => sum + end - low, 0) };
      } catch (error) {
        // It was deleted a moment ago and is being made anew.
        return { missing: String(error) };
      }
    },
  });
}

/** What all replicas say before a fault. */
async function evidenceOf(ground: WatchedGround, count: (look: ReplicaLook) => number): Promise<Evidence> {
  return new Evidence(await Promise.all(ground.cluster.replicas.map(({ url }) => lookAt(url))), count);
}

/** Waits until a replica shows it; gives its name. */
async function seenByOne(ground: WatchedGround, isSeen: (look: ReplicaLook) => boolean): Promise<string> {
  return waitFor({
    what: 'a replica to notice',
    timeoutMs: noticeTimeoutMs,
    code: 'not-held',
    look: async () => {
      const looks = await Promise.all(ground.cluster.replicas.map(({ url }) => lookAt(url)));
      const found = looks.find((look) => look !== null && isSeen(look));
      return found ? { found: found.replicaId } : { missing: 'none has' };
    },
  });
}

/** Some events as they stand in the topic; waits until there are any. */
async function firstEvents(ground: WatchedGround, count: number): Promise<RawKafkaRecord[]> {
  return waitFor({
    what: 'events in the topic',
    timeoutMs: noticeTimeoutMs,
    code: 'not-held',
    look: async () => {
      const events: RawKafkaRecord[] = [];
      try {
        await ground.topic.visitAll(({ offset: _, ...record }) => {
          if (record.headers.ce_id !== undefined && record.value !== null) events.push(record);
          return events.length >= count ? 'enough' : undefined;
        });
      } catch (error) {
        // It was deleted a moment ago and is being made anew.
        return { missing: String(error) };
      }
      return events.length > 0 ? { found: events } : { missing: 'it is empty' };
    },
  });
}

function garbageRecord(random: SeededRandom, events: readonly RawKafkaRecord[]): RawKafkaRecord {
  const event = random.pick(events);
  const { partition } = event;
  const changed = Buffer.from(event.value ?? '');
  const at = random.between(0, changed.length - 1);
  changed[at] = (changed[at] ?? 0) ^ (1 << random.between(0, 7));
  return random.pick<RawKafkaRecord>([
    { partition, key: null, value: Buffer.from('not json'), headers: {} },
    { partition, key: null, value: null, headers: event.headers },
    { partition, key: null, value: Buffer.from('{"__proto__":{"x":1}}'), headers: event.headers },
    { ...event, value: changed },
    { ...event, headers: { ...event.headers, ce_origin: 'order-1.01ARZ3NDEKTSV4RRFFQ69G5FAV' } },
    { ...event, headers: { ...event.headers, ce_seq: String(random.between(1, 1000) + 1_000_000) } },
    { partition, key: null, value: Buffer.alloc(20_000, 0x20), headers: { ce_type: 'orders.inserted' } },
  ]);
}

/** What speaks against the file keeping the records of all these places; undefined: nothing. */
function whyNotInQuarantine(
  file: string,
  places: readonly { partition: number; offset: number }[],
): string | undefined {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { readOnly: true, timeout: 2000 });
    const one = database.prepare(
      `SELECT 1 FROM replication_quarantine WHERE topic = 'orders.changes' AND partition = ? AND "offset" = ?`,
    );
    const lacking = places.filter(({ partition, offset }) => one.get(partition, offset) === undefined);
    return lacking.length === 0 ? undefined : `${lacking.length} of ${places.length} are missing`;
  } catch (error) {
    // The other lane may be taking the directory away at this moment.
    return errorText(error);
  } finally {
    database?.close();
  }
}

function positionsIn(file: string): { partition: number; next: number }[] {
  const database = new DatabaseSync(file, { readOnly: true, timeout: 2000 });
  try {
    const rows = database.prepare('SELECT partition, next FROM replication_position').all();
    return rows.map((row) => ({ partition: Number(row.partition), next: Number(row.next) }));
  } finally {
    database.close();
  }
}
