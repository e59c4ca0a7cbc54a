/**
 * Planted bugs: deliberate faults of the library, each one piece of its source put in the place of another while it is
 * loaded for a simulation. They show that the checkers would see such a fault; nothing of them ships.
 */

/** One fault: `find` occurs exactly once in the library. */
export interface PlantedBug {
  readonly name: string;
  readonly find: string;
  readonly replace: string;
}

const newTransaction = "await connection.run('COMMIT'); await connection.run('BEGIN IMMEDIATE');\n";
const savePositions =
  'for (const [partition, position] of moves) await savePosition(connection, { topic, partition }, position);\n';

/** All of them. */
export const plantedBugs: readonly PlantedBug[] = [
  {
    name: 'acknowledge before commit',
    find: "await observe('write:before-commit');",
    replace: `const early = rows.values();
      for (const { local, resolve } of batch) {
        if (local) resolve({ origin: own.name, seq: early.next().value?.seq ?? own.seq });
      }
      await observe('write:before-commit');`,
  },
  {
    name: 'rows and their origin in two transactions',
    find: 'await saveOrigins(connection, [own]);',
    replace: `${newTransaction} await saveOrigins(connection, [own]);`,
  },
  {
    name: 'rows and position in two transactions',
    find: "await observe('apply:rows-inserted');",
    replace: `${savePositions} ${newTransaction} await observe('apply:rows-inserted');`,
  },
  {
    name: 'position before the rows',
    find: '    for (const origin of plan.origins.values()) {\n      // The seq',
    replace: `${savePositions} ${newTransaction} for (const origin of plan.origins.values()) {\n      // The seq`,
  },
  {
    name: 'skipped row',
    find: 'for (const { record, event, refusal } of decoded) {',
    replace: 'for (const { record, event, refusal } of decoded) { if (record.offset % 23 === 22) continue;',
  },
  {
    name: 'double apply',
    find: 'if (event.seq <= origin.seq) this.#judgeKnown(event, origin, record);',
    replace: `if (event.seq <= origin.seq && event.origin !== this.#context.own && record.offset % 3 === 0)
      this.#apply({ ...event, seq: origin.seq + 1 }, origin, { isInLog: true });
    else if (event.seq <= origin.seq) this.#judgeKnown(event, origin, record);`,
  },
  {
    name: 'a hole is jumped over',
    find: `else if (event.seq > origin.seq + 1) this.#judgeBeyond(event, 'hole');
    else if (!event.previous.equals(origin.chain))`,
    replace: `else if (event.seq > origin.seq + 2) this.#judgeBeyond(event, 'hole');
    else if (event.seq === origin.seq + 1 && !event.previous.equals(origin.chain))`,
  },
  {
    name: 'links not verified',
    find: 'if (!isKnown(event) && !chain.verify(own, previous, event)) {',
    replace: 'if (own.length === 0) {',
  },
  {
    name: 'lost published',
    find: 'else await savePublished(connection, origin);',
    replace: 'else await Promise.resolve();',
  },
  {
    name: 'published at the acknowledgement',
    find: 'state.acknowledge({ partition, lastOffset, seq: last.seq, atMs: world.clock.monotonic() });',
    replace: `state.acknowledge({ partition, lastOffset, seq: last.seq, atMs: world.clock.monotonic() });
      await writer.submit({ write: async (connection) => {
        await connection.run('UPDATE replication_origin SET published = ? WHERE id = ?', [last.seq, origin.id]);
        const { origins } = this.#options;
        return () => origins.set({ ...(origins.get(origin.name) ?? origin), published: last.seq });
      } });`,
  },
  {
    name: 'published jumps over what the log lacks',
    find: 'if (event.seq === origin.published + 1) {',
    replace: 'if (event.seq > origin.published) {',
  },
  {
    name: 'published out of order',
    find: 'return fitting === -1 ? events : events.slice(0, Math.max(1, fitting));',
    replace: 'return (fitting === -1 ? events : events.slice(0, Math.max(1, fitting))).reverse();',
  },
  {
    name: 'what the log lost is not published again',
    find: 'if (!origin || !state || state.acknowledged <= origin.published) return;',
    replace: 'if (origin || !state || state.acknowledged <= 0) return;',
  },
  {
    name: 'earlier runs are not published',
    find: '.filter(({ isMinted, name }) => isMinted || this.#adopted.has(name))',
    replace: `.filter(({ isMinted, name, id }) => isMinted
        ? this.#options.origins.list().every((one) => !one.isMinted || one.id <= id)
        : this.#adopted.has(name))`,
  },
  {
    name: 'bookmark not checked',
    find: 'if (!first || !isBookmarked(first, bookmark)) {',
    replace: 'if (!first) {',
  },
  {
    name: 'a log that ends too early is no matter',
    find: 'if (end < upTo) return',
    replace: 'if (end < 0) return',
  },
  {
    name: 'origin reused after a restart',
    find: 'ulid(Math.min(Math.max(world.clock.now(), after + 1), MAX_TIME), prng)',
    replace: 'ulid(Math.min(1, after + 1, MAX_TIME), () => 0.5 + 0 * prng())',
  },
  {
    name: 'stall swallowed',
    find: 'for (const stall of plan.stalls.values()) await saveStall(connection, topic, stall);',
    replace: '',
  },
  {
    name: 'a stall that ends is not read again',
    find: 'if (planned && place.next < planned.next) moves.set(partition, backAt(place, planned));',
    replace: '',
  },
  {
    name: 'superseded rule reversed',
    find: 'if (time !== shown.time) return time < shown.time;',
    replace: 'if (time !== shown.time) return time > shown.time;',
  },
  {
    name: 'tokens answered too early',
    find: 'if (this.#holds(origin, seq)) continue;',
    replace: 'if (this.#holds(origin, seq - 2)) continue;',
  },
  {
    name: 'resync that forgets to publish',
    find: "await connection.run('UPDATE replication_origin SET published = 0');",
    replace: '',
  },
  {
    name: 'snapshot not trimmed to published',
    find: 'await trim(copy, options);',
    replace: "await trim(copy, { ...options, own: '' });",
  },
  {
    name: 'own rows handed to peers before they are published',
    find: 'name === own.name ? origin.published : origin.seq',
    replace: 'name === own.name ? origin.seq : origin.seq',
  },
  {
    name: 'orphans are not adopted',
    find: 'publisher.adopt(name);',
    replace: '',
  },
  {
    name: 'an imported snapshot brings no positions',
    find: "for (const name of ['replication_position', 'replication_stall', 'replication_stall_place']) {",
    replace: "for (const name of ['replication_stall', 'replication_stall_place']) {",
  },
];
