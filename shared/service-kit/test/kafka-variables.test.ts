import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { kafkaConnection, kafkaVariables, readEnvironment } from '../src/index.ts';

const schema = z.object(kafkaVariables);
const connect = (env: Record<string, string>) => kafkaConnection(readEnvironment(schema, env));

describe('kafkaConnection', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'service-kit-kafka-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is undefined when no brokers are named', () => {
    expect(connect({})).toBeUndefined();
  });

  it('splits the list of brokers and drops repeated ones', () => {
    expect(connect({ KAFKA_BROKERS: 'kafka-1:9092, kafka-2:9093,kafka-1:9092,[::1]:9092' })).toEqual({
      brokers: ['kafka-1:9092', 'kafka-2:9093', '[::1]:9092'],
    });
  });

  it('refuses entries that are not host:port', () => {
    for (const KAFKA_BROKERS of [
      'kafka',
      'kafka:',
      ':9092',
      'kafka:0',
      'kafka:70000',
      'a:1,,b:2',
      'http://a:1',
    ]) {
      expect(() => connect({ KAFKA_BROKERS }), KAFKA_BROKERS).toThrow(/KAFKA_BROKERS: is/);
    }
  });

  it('reads the PEM files and hands over their text', () => {
    const file = path.join(folder, 'ca.pem');
    writeFileSync(file, 'PEM TEXT');
    expect(connect({ KAFKA_BROKERS: 'a:1', KAFKA_SSL: 'true', KAFKA_SSL_CA_FILE: file })?.ssl).toEqual({
      ca: 'PEM TEXT',
    });
    expect(connect({ KAFKA_BROKERS: 'a:1', KAFKA_SSL: 'true' })?.ssl).toEqual({});
    expect(connect({ KAFKA_BROKERS: 'a:1', KAFKA_SSL: 'false' })?.ssl).toBeUndefined();
  });

  it('names variable and file of every file that cannot be read', () => {
    const missing = path.join(folder, 'missing.pem');
    const env = {
      KAFKA_BROKERS: 'a:1',
      KAFKA_SSL: 'true',
      KAFKA_SSL_CERT_FILE: missing,
      KAFKA_SSL_KEY_FILE: folder,
    };
    expect(() => connect(env)).toThrow(`KAFKA_SSL_CERT_FILE: ${missing} cannot be read (ENOENT)`);
    expect(() => connect(env)).toThrow(`KAFKA_SSL_KEY_FILE: ${folder} cannot be read (EISDIR)`);
  });

  it('refuses SSL files without KAFKA_SSL=true and a certificate without its key', () => {
    const file = path.join(folder, 'cert.pem');
    writeFileSync(file, 'PEM');
    const env = { KAFKA_BROKERS: 'a:1', KAFKA_SSL_CERT_FILE: file };
    expect(() => connect(env)).toThrow('KAFKA_SSL is not true');
    expect(() => connect({ ...env, KAFKA_SSL: 'true' })).toThrow('set both or none');
  });

  it('takes SASL whole or not at all', () => {
    const sasl = { KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'u', KAFKA_SASL_PASSWORD: 'p' };
    expect(connect({ KAFKA_BROKERS: 'a:1', ...sasl })?.sasl).toEqual({
      mechanism: 'plain',
      username: 'u',
      password: 'p',
    });
    expect(() => connect({ KAFKA_BROKERS: 'a:1', ...sasl, KAFKA_SASL_PASSWORD: '' })).toThrow(
      'set all three or none',
    );
    expect(() => connect({ KAFKA_BROKERS: 'a:1', KAFKA_SASL_MECHANISM: 'md5' })).toThrow('expected plain');
  });
});
