import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findBrokers, javaVersion, majorOf } from '../../src/broker/broker-findings.ts';

let emptyFolder: string;
beforeAll(() => {
  emptyFolder = mkdtempSync(join(tmpdir(), 'dbsync-test-'));
});
afterAll(() => rmSync(emptyFolder, { recursive: true }));

describe('looking for brokers', () => {
  it('reads the version of every form of Java', () => {
    expect(javaVersion('openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime')).toBe('17.0.15');
    expect(javaVersion('java version "1.8.0_402"')).toBe('1.8.0_402');
    expect(javaVersion('zsh: command not found: java')).toBeNull();
    expect([majorOf('17.0.15'), majorOf('1.8.0_402'), majorOf('25-ea'), majorOf('21')]).toEqual([
      17, 8, 25, 21,
    ]);
  });

  it('looks no further than KAFKA_BROKERS where that is set', async () => {
    const environment = { KAFKA_BROKERS: ' broker:9092 ', PATH: emptyFolder };
    const findings = await findBrokers(
      { environment, onProgress: () => undefined },
      { requested: 'auto', remembered: null },
    );
    expect(findings).toEqual({ kafkaBrokers: 'broker:9092' });
  });

  it('says what is missing on a machine that has nothing', async () => {
    const environment = { PATH: emptyFolder, HOME: emptyFolder };
    const findings = await findBrokers(
      { environment, onProgress: () => undefined },
      { requested: 'auto', remembered: null },
    );
    expect(findings).toEqual({
      kafkaBrokers: null,
      docker: { absent: 'there is no docker command' },
      java: { absent: 'there is no Java' },
    });
  });
});
