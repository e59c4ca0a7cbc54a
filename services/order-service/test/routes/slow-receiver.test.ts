/**
 * A receiver of a snapshot that takes a little now and then, for ever. The route is on a replica of which only what
 * it needs is there: a copy that is larger than what the sockets between the two hold.
 */
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Replica } from '@dbsync/replication';
import { waitUntil } from '@dbsync/replication/testing';
import express from 'express';
import { expect, it } from 'vitest';
import { replicationRoutes } from '../../src/routes/replication.ts';

const COPY_BYTES = 256 * 1024 * 1024;

it('a receiver that takes next to nothing is left after its time, and the copy is there for others', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'dbsync-test-'));
  const file = path.join(folder, 'copy');
  await writeFile(file, '');
  await truncate(file, COPY_BYTES);
  let isRemoved = false;
  const replica = {
    limits: { snapshotStallMs: 60_000, snapshotTotalMs: 300 },
    snapshot: async () => ({
      file,
      manifest: {},
      remove: async () => {
        isRemoved = true;
      },
    }),
  };
  const app = express();
  replicationRoutes(app, replica as unknown as Replica);
  const server = await new Promise<Server>((resolve) => {
    const listening = app.listen(0, '127.0.0.1', () => resolve(listening));
  });
  try {
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const answer = await fetch(`http://127.0.0.1:${port}/replication/snapshot`);
    expect(answer.status).toBe(200);
    const reader = answer.body?.getReader();
    let bytes = (await reader?.read())?.value?.byteLength ?? 0;
    await waitUntil('the copy is there for others', async () => {
      if (!isRemoved) bytes += (await reader?.read())?.value?.byteLength ?? 0;
      return isRemoved || `${bytes} bytes were taken`;
    });
    expect(bytes).toBeLessThan(COPY_BYTES);
  } finally {
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true });
  }
});
