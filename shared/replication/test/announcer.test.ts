import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Announcement, decodeAnnouncement, encodeAnnouncement } from '../src/announcement.ts';
import { Announcer } from '../src/announcer.ts';
import { createChain } from '../src/chain.ts';
import { Registry } from '../src/registry.ts';
import { silentLogger, systemRandom } from '../src/surroundings.ts';
import {
  beatOf,
  MemoryBroker,
  originName,
  SimulatedClock,
  testChain,
  testCluster,
  waitUntil,
} from '../testing/index.ts';

let clock: SimulatedClock;
let broker: MemoryBroker;
let registry: Registry;
let announcer: Announcer;
let heard: Announcement[];
const a = originName('a');

beforeEach(() => {
  clock = new SimulatedClock();
  broker = new MemoryBroker({ now: () => clock.now() });
  registry = new Registry(clock);
  heard = [];
  broker.announcements.listen({
    hear: (message) => {
      const found = decodeAnnouncement(message, { chain: testChain, cluster: testCluster.cluster });
      if (found) heard.push(found);
    },
    broke: () => undefined,
  });
});
afterEach(() => announcer.stop());

function start(options: { describes?: boolean } = {}): void {
  const { beat: _, cluster, ...described } = beatOf(a, 1);
  announcer = new Announcer({
    channel: broker.connect().channel,
    chain: testChain,
    cluster,
    registry,
    world: { clock, random: systemRandom, logger: silentLogger, observe: () => undefined },
    ...(options.describes === false ? {} : { describe: () => described }),
  });
  announcer.start();
}

const isHeard = (count: number): Promise<void> =>
  waitUntil(`${count} beats are heard`, () => heard.length >= count || `${heard.length} are`);

describe('an announcer', () => {
  it('sends a numbered beat a second and a goodbye at the end', async () => {
    start();
    await isHeard(1);
    for (let i = 2; i <= 3; i += 1) {
      await waitUntil('it waits', () => clock.waiting > 0);
      clock.advance(1000);
      await isHeard(i);
    }
    await announcer.stop();
    expect(heard.map(({ beat, state }) => [beat, state])).toEqual([
      [1, 'live'],
      [2, 'live'],
      [3, 'live'],
      [4, 'leaving'],
    ]);
  });

  it('hears others, those of the last seconds included, and drops what is forged', async () => {
    const b = originName('b');
    broker.announcements.send(encodeAnnouncement(beatOf(b, 1), testChain), 2000);
    broker.announcements.send(encodeAnnouncement(beatOf(b, 2), testChain), 1000);
    const forger = createChain({ cluster: 'test', secret: 'another secret of sixteen' });
    for (const beat of [1, 2]) {
      broker.announcements.send(encodeAnnouncement(beatOf(originName('x'), beat), forger));
    }
    start({ describes: false });
    await waitUntil('b is known', () => registry.live().length > 0);
    expect(registry.live().map(({ replicaId }) => replicaId)).toEqual(['b']);
    expect(heard.filter(({ origin }) => origin === a)).toEqual([]);
  });

  it('keeps trying while the channel is away, and keeps what it knew', async () => {
    start();
    await isHeard(1);
    await waitUntil('it waits', () => clock.waiting > 0);
    clock.advance(1000);
    await isHeard(2);
    broker.setReachable(false);
    for (let i = 0; i < 5; i += 1) {
      await waitUntil('it waits', () => clock.waiting > 0);
      clock.advance(3000);
    }
    expect(registry.live().map(({ replicaId }) => replicaId)).toEqual(['a']);
    broker.setReachable(true);
    await waitUntil('it is heard again', () => {
      clock.advance(1000);
      return heard.length > 2;
    });
  });

  it('listens again when its hearing broke off', async () => {
    start();
    await isHeard(1);
    broker.announcements.breakListeners();
    const b = originName('b');
    await waitUntil('b is known', () => {
      clock.advance(1000);
      for (const beat of [heard.length + 1, heard.length + 2]) {
        broker.announcements.send(encodeAnnouncement(beatOf(b, beat), testChain));
      }
      return registry.liveOrigins().includes(b);
    });
  });

  it('stops in bounded time without a goodbye where the channel is away', async () => {
    start();
    await isHeard(1);
    broker.setReachable(false);
    await announcer.stop();
    expect(heard.at(-1)?.state).toBe('live');
  });
});
