import { readFileSync } from 'node:fs';
import { variableTable } from '@dbsync/service-kit';
import { describe, expect, it } from 'vitest';
import { gatewayVariables } from '../src/config.ts';

describe('docs/configuration.md', () => {
  it('has the variables of the gateway as the service checks them', () => {
    const text = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
    const [, section = ''] = /<!-- gateway -->([\s\S]*?)<!-- \/gateway -->/.exec(text) ?? [];
    expect(section.trim()).toBe(variableTable(gatewayVariables));
  });
});
