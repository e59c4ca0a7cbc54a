import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { WatchedGround } from '../../src/chaos/chaos-ground.ts';
import { Claims } from '../../src/chaos/claims.ts';
import { planFaults } from '../../src/chaos/fault-plan.ts';
import { maxUnpublished, reachHighWater } from '../../src/chaos/high-water.ts';
import { Violations } from '../../src/judge/violations.ts';
import { emptyRecord } from '../../src/load/order-load.ts';
import { quietLook } from './status-server.ts';

const [fault] = planFaults({ seed: 1, minutes: 1, only: ['high-water'] }).log;
if (fault === undefined) throw new Error('the plan is empty');
const fewOrders = 50;

/** Reaches the mark of a replica that takes so many orders, and says and answers this at the mark. */
async function reach({
  saysWritable = false,
  accepted = fewOrders,
  readStatus = 200,
  unpublished = maxUnpublished,
}) {
  let [taken, looks] = [0, 0];
  const server = createServer((request, response) => {
    const answer = (status: number, body: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (request.method === 'POST') {
      taken += 1;
      if (taken > accepted) return answer(503, { type: '/problems/too-many-unpublished' });
      return answer(201, { orderId: `o-${taken}` });
    }
    if (request.url !== '/replication/status') return answer(readStatus, []);
    looks += 1;
    return answer(200, { ...quietLook, unpublished, writable: looks > 1 || saysWritable });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const violations = new Violations();
  const probes = emptyRecord();
  const modes: string[] = [];
  const ground = {
    claims: new Claims(),
    cluster: {
      replicas: [{ name: 'order-1', url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }],
    },
    links: new Map([['order-1', { set: ({ kind }: { kind: string }) => void modes.push(kind) }]]),
    probes,
    violations,
  };
  try {
    await reachHighWater(ground as unknown as WatchedGround, fault as NonNullable<typeof fault>);
  } finally {
    server.closeAllConnections();
    server.close();
  }
  return { found: violations.list().map(({ examples }) => examples.join()), probes, modes };
}

describe('a replica at the high-water mark', () => {
  it('refuses, says so, answers reads, and what it took before is judged like every other order', async () => {
    const { found, probes, modes } = await reach({});
    expect(found).toEqual([]);
    expect(probes.acknowledged.size).toBe(fewOrders);
    expect(probes.attempted.size).toBeGreaterThan(fewOrders);
    expect([modes[0] === 'open', modes.at(-1)]).toEqual([false, 'open']);
  });

  it.each([
    ['says that it is writable', { saysWritable: true }, 'is writable'],
    ['took more than it may', { accepted: maxUnpublished + 300 }, `took ${maxUnpublished + 300} orders`],
    [
      'refuses before it is reached',
      { unpublished: maxUnpublished - 1 },
      `refused at ${maxUnpublished - 1} unpublished rows`,
    ],
    ['does not answer reads', { readStatus: 503 }, 'a read was answered 503'],
  ])('breaks a promise when it %s', async (_, planted, told) => {
    expect((await reach(planted)).found).toEqual([expect.stringContaining(told)]);
  });
});
