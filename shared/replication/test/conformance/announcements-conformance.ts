/**
 * What every `AnnouncementChannel` has to do, in memory and on Apache Kafka.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AnnouncementChannel, AnnouncementMessage } from '../../src/announcement.ts';
import { waitUntil } from '../../testing/index.ts';
import type { LogGround } from './log-ground.ts';

/** Declares the suite for one kind of channel. */
export function announcementsConformance(name: string, makeGround: () => Promise<LogGround>): void {
  describe(`the announcement channel ${name}`, () => {
    let ground: LogGround;
    let channel: AnnouncementChannel;
    let stops: { stop(): Promise<void> }[];

    beforeEach(async () => {
      ground = await makeGround();
      ({ channel } = ground.connect());
      await channel.open();
      stops = [];
    });
    afterEach(async () => {
      for (const { stop } of stops) await stop();
      await channel.close();
      await ground.close();
    });

    const message = (text: string): AnnouncementMessage => ({
      key: `key of ${text}`,
      value: Buffer.from(text),
      signature: 'ab'.repeat(32),
    });

    async function listen(to: AnnouncementChannel = channel) {
      const heard: string[] = [];
      const messages: AnnouncementMessage[] = [];
      const following = await to.follow({
        hear: (one) => {
          heard.push(one.value.toString());
          messages.push(one);
        },
        broke: (error) => heard.push(`broke: ${error}`),
      });
      stops.push(following);
      return { heard, messages, following };
    }
    const hears = (heard: readonly string[], ...texts: string[]): Promise<void> =>
      waitUntil(
        `${texts} are heard`,
        () => texts.every((text) => heard.includes(text)) || `${heard} are`,
        30_000,
      );

    it('is heard by everybody who listens, in order, whole', async () => {
      const mine = await listen();
      const theirs = await listen(ground.connect().channel);
      for (const text of ['one', 'two', 'three']) await channel.send(message(text));
      await hears(mine.heard, 'three');
      await hears(theirs.heard, 'three');
      expect(mine.heard).toEqual(['one', 'two', 'three']);
      expect(theirs.heard).toEqual(['one', 'two', 'three']);
      expect(mine.messages[0]).toEqual(message('one'));
    });

    it('is heard from ten seconds ago on, and not from before that', async () => {
      await ground.announced(message('long ago'), 60_000);
      await ground.announced(message('lately'), 5_000);
      await channel.send(message('now'));
      const { heard } = await listen();
      await channel.send(message('later'));
      await hears(heard, 'lately', 'now', 'later');
      expect(heard).toEqual(['lately', 'now', 'later']);
    });

    it('where nothing was said lately hears what is said next', async () => {
      await ground.announced(message('long ago'), 60_000);
      const { heard } = await listen();
      await channel.send(message('next'));
      await hears(heard, 'next');
      expect(heard).toEqual(['next']);
    });

    it('is heard no more after stopping, and heard again by a new listener', async () => {
      const { heard, following } = await listen();
      await channel.send(message('one'));
      await hears(heard, 'one');
      await following.stop();
      await following.stop();
      await channel.send(message('two'));
      const again = await listen();
      await hears(again.heard, 'two');
      expect(heard).toEqual(['one']);
    });

    it('tells a broker that is away as `log-unreachable`, within seconds, by every call', async () => {
      const { channel: nobody } = ground.connectToNobody();
      const startedMs = performance.now();
      const listener = { hear: () => undefined, broke: () => undefined };
      for (const call of [
        () => nobody.open(),
        () => nobody.send(message('x')),
        () => nobody.follow(listener),
      ]) {
        await expect(call()).rejects.toMatchObject({ code: 'log-unreachable', isRetryable: true });
      }
      expect(performance.now() - startedMs).toBeLessThan(30_000);
      await nobody.close();
    });
  });
}
