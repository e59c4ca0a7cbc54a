import { MemoryBroker } from '@dbsync/replication/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { expectProblem, jsonOf } from '../order-requests.ts';
import { untilStatus } from '../replica-status.ts';
import { startReplica, stopEverything } from '../running-service.ts';

afterEach(stopEverything);

const call = (url: string, method: string, id: string): Promise<Response> =>
  fetch(`${url}/replication/removed/${id}`, { method });
const removed = (url: string): Promise<string[]> => jsonOf(fetch(`${url}/replication/removed`));

describe('/replication/removed', () => {
  it('takes the word that a replica will not come back, keeps it over a restart, and takes it back', async () => {
    const broker = new MemoryBroker();
    const one = await startReplica({ broker });
    expect(await removed(one.url)).toEqual([]);
    for (let i = 0; i < 2; i += 1) expect((await call(one.url, 'PUT', 'order-9')).status).toBe(204);
    expect(await removed(one.url)).toEqual(['order-9']);
    await one.stop();
    const again = await startReplica({ broker, directory: one.directory });
    expect(await removed(again.url)).toEqual(['order-9']);
    expect((await call(again.url, 'DELETE', 'order-9')).status).toBe(204);
    expect(await removed(again.url)).toEqual([]);
  });

  it('tells at once that writes of it are gone which nobody holds', async () => {
    const broker = new MemoryBroker();
    const { url } = await startReplica({ broker });
    await untilStatus(url, 'it is live', ({ state }) => state === 'live');
    const read = (): Promise<Response> =>
      fetch(`${url}/order-service/ada/orders`, {
        headers: { 'Consistency-Token': 'order-9.01J00000000000000000000001:1' },
      });
    expect((await read()).status).toBe(503);
    await call(url, 'PUT', 'order-9');
    expect((await read()).status).toBe(410);
  });

  it('refuses what announces itself, and what is no replica id', async () => {
    const broker = new MemoryBroker();
    const one = await startReplica({ broker });
    await startReplica({ broker, replicaId: 'order-2' });
    const answers = async (): Promise<Response> => {
      for (let tries = 0; tries < 500; tries += 1) {
        const answer = await call(one.url, 'PUT', 'order-2');
        if (answer.status !== 204) return answer;
        await call(one.url, 'DELETE', 'order-2');
      }
      throw new Error('order-2 is never seen');
    };
    await expectProblem(await answers(), 409);
    await expectProblem(await call(one.url, 'PUT', '%20'), 400);
  });
});
