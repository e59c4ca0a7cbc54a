import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rawTopic } from '@dbsync/replication/testing';
import { describe, expect, inject, it } from 'vitest';
import { operate, waitFor } from '../src/index.ts';
import { assertConverged, ordersInFile, placeOrders, startTestCluster } from '../testing/index.ts';

/** Runs a command and gives what it printed as JSON, one value a line. */
async function ask(...args: string[]): Promise<unknown[]> {
  const lines: string[] = [];
  expect(await operate([...args, '--json'], (line) => lines.push(line))).toBe(0);
  return lines.map((line): unknown => JSON.parse(line));
}

describe('an operator', () => {
  it('sees, shows and discards what is in quarantine', async () => {
    const { dataDir, orderUrls, topicPrefix, stop } = await startTestCluster();
    const topic = rawTopic(inject('sharedBroker').bootstrap, `${topicPrefix}orders.changes`);
    await topic.send([{ partition: 2, key: null, value: Buffer.from('garbage'), headers: {} }]);
    const listed = async () =>
      (await ask('quarantine', 'list', '--data-dir', dataDir)) as { entries: { id: number }[] }[];
    await waitFor({
      what: 'both have it in quarantine',
      timeoutMs: 20_000,
      look: async () =>
        (await listed()).every(({ entries }) => entries.length === 1)
          ? { found: true }
          : { missing: 'not yet' },
    });
    const [url = ''] = orderUrls;
    const [
      {
        entries: [entry],
      } = { entries: [] },
    ] = await listed();
    const id = String(entry?.id);
    expect(await ask('quarantine', 'show', id, '--urls', url)).toMatchObject([
      {
        partition: 2,
        value: Buffer.from('garbage').toString('base64'),
        reason: expect.stringContaining('CloudEvents'),
      },
    ]);
    expect(await ask('quarantine', 'discard', id, '--urls', url)).toEqual([{ discarded: entry?.id }]);
    expect((await listed()).map(({ entries }) => entries.length)).toEqual([0, 1]);
    await expect(operate(['quarantine', 'discard', id, '--urls', url], () => undefined)).rejects.toThrow(
      /404/,
    );
    expect(await ask('hidden', 'list', '--urls', url)).toEqual([{ url, rows: [] }]);
    expect(await ask('hidden', 'recheck', '--urls', url)).toEqual([{ url, shown: 0, hidden: 0 }]);
    await stop();
  });

  it('saves a snapshot, and loads it only whole and only into an empty directory', async () => {
    const { dataDir, orderUrls, stop } = await startTestCluster();
    await placeOrders({ urls: () => orderUrls, count: 200, clients: 16, name: 'saved' });
    await assertConverged(orderUrls);
    const folder = mkdtempSync(join(tmpdir(), 'dbsync-operate-'));
    const file = join(folder, 'backup.snapshot');
    expect(await ask('snapshot', 'save', file, '--data-dir', dataDir)).toMatchObject([{ rows: 200 }]);
    expect(await ask('snapshot', 'load', file, '--data-dir', folder, '--replica', 'order-7')).toMatchObject([
      { rows: 200 },
    ]);
    expect(ordersInFile(join(folder, 'order-7', 'orders.db'))).toHaveLength(200);
    const again = operate(
      ['snapshot', 'load', file, '--data-dir', folder, '--replica', 'order-7'],
      () => undefined,
    );
    await expect(again).rejects.toThrow(/there already/);
    const broken = join(folder, 'broken.snapshot');
    writeFileSync(broken, 'nothing of the kind\n');
    const refused = operate(
      ['snapshot', 'load', broken, '--data-dir', folder, '--replica', 'order-8'],
      () => undefined,
    );
    await expect(refused).rejects.toThrow(/manifest/);
    expect(existsSync(join(folder, 'order-8', 'orders.db'))).toBe(false);
    rmSync(folder, { recursive: true });
    await stop();
  });
});
