import { readFileSync } from 'node:fs';
import { defaultLimits } from '@dbsync/replication';
import { variableTable } from '@dbsync/service-kit';
import { describe, expect, it } from 'vitest';
import { orderServiceVariables, readConfig } from '../src/config.ts';

describe('docs/configuration.md', () => {
  it('has the variables of the order-service as the service checks them', () => {
    const text = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
    const [, section = ''] = /<!-- order-service -->([\s\S]*?)<!-- \/order-service -->/.exec(text) ?? [];
    expect(section.trim()).toBe(variableTable(orderServiceVariables));
  });
});

describe('the bounds of a replica', () => {
  it('can all be set by a variable that names the default', () => {
    const config = readConfig({
      DBSYNC_CLUSTER: 'c',
      DBSYNC_SECRET: 'a secret of sixteen and more',
      REPLICA_ID: 'order-1',
      DATABASE_FILE: '/tmp/x/orders.db',
      DBSYNC_TOPOLOGY: 'isolated',
    });
    const limits = config.storage === 'replica' ? config.limits : {};
    expect(Object.keys(limits).sort()).toEqual(Object.keys(defaultLimits).sort());
    const table = variableTable(orderServiceVariables);
    for (const [name, value] of Object.entries(defaultLimits)) {
      const variable = `DBSYNC_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
      const [row] = table.split('\n').filter((line) => line.includes(`\`${variable}\``));
      const text = value === 604_800_000 ? '7 days' : String(value);
      expect(row, variable).toContain(`(default ${text})`);
    }
  });
});
