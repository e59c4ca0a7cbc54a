/**
 * Stands in for a replica where only its status is asked for: a server of its own on a free port.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ReplicaLook } from '../../src/chaos/replica-look.ts';

/** A replica that has nothing left to do. */
export const quietLook: ReplicaLook = {
  replicaId: 'order-1',
  origin: 'order-1.x',
  state: 'live',
  digest: 'd',
  rows: 10,
  unpublished: 0,
  quarantined: 0,
  writable: true,
  logReachable: true,
  lag: { records: 0 },
  damage: { state: 'none', last: null },
  stalled: [],
  counters: { duplicates: 0, relinks: 0, readersReplaced: 0 },
};

/** Answers each look with what `answer` gives for its number, from 1 on; ends with the caller's `using`. */
export async function serveStatus(answer: (number: number) => ReplicaLook | Promise<ReplicaLook>) {
  let looks = 0;
  const server = createServer(async (_, response) => {
    looks += 1;
    response.setHeader('content-type', 'application/json').end(JSON.stringify(await answer(looks)));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    name: 'order-1',
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    looks: () => looks,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
