import { describe, expect, it } from 'vitest';
import type { Admin } from '../../src/kafka/kafka.ts';
import { ensureTopic } from '../../src/kafka/kafka-topic.ts';
import { silentLogger } from '../../src/surroundings.ts';

const plan = { topic: 'orders.changes', partitions: 6, replicationFactor: -1, settings: {} };
const ofType = (type: string): Error => Object.assign(new Error(type), { type });

/** An admin client to whom a created topic becomes known after so many looks. */
function adminOf(options: { created: Error | true; unseenLooks: number }): {
  admin: Admin;
  looks: () => number;
} {
  let looks = 0;
  const admin = {
    async createTopics() {
      if (options.created !== true) throw options.created;
      return true;
    },
    async fetchTopicMetadata() {
      looks += 1;
      if (looks <= options.unseenLooks) throw ofType('UNKNOWN_TOPIC_OR_PARTITION');
      return { topics: [{ name: plan.topic, partitions: new Array(6).fill({}) }] };
    },
    async describeConfigs() {
      return { resources: [] };
    },
  };
  return { admin: admin as unknown as Admin, looks: () => looks };
}

describe('a topic that is missing', () => {
  it.each([
    ['was created', true as const],
    ['was created, and its leaders asked for too early', ofType('UNKNOWN_TOPIC_OR_PARTITION')],
  ])('and %s is there once the broker has heard of it', async (_, created) => {
    const { admin } = adminOf({ created, unseenLooks: 3 });
    expect(await ensureTopic(admin, plan, silentLogger)).toBe(6);
  });

  it('and may not be created is looked for once', async () => {
    const { admin, looks } = adminOf({ created: ofType('TOPIC_AUTHORIZATION_FAILED'), unseenLooks: 99 });
    await expect(ensureTopic(admin, plan, silentLogger)).rejects.toMatchObject({
      code: 'log-unreachable',
      isRetryable: true,
    });
    expect(looks()).toBe(1);
  });

  it('and is never heard of is given up', async () => {
    const { admin, looks } = adminOf({ created: true, unseenLooks: 99 });
    await expect(ensureTopic(admin, plan, silentLogger)).rejects.toMatchObject({ code: 'log-unreachable' });
    expect(looks()).toBe(20);
  });
});
