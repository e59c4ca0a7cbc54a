/**
 * The environment variables that lead to a Kafka cluster, and the connection they describe.
 *
 * All are optional: a service decides itself whether it can do without Kafka. Certificate files are read once,
 * at the start, so that a wrong path stops the start and not the first reconnect. Connecting is left to the
 * one file of the replication library that knows the client.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { ConfigurationError } from './environment.ts';
import { booleanVariable } from './service-variables.ts';

const BROKER = /^(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]):(\d{1,5})$/;

/** `KAFKA_BROKERS`, `KAFKA_SSL*` and `KAFKA_SASL_*`; every one may be absent. */
export const kafkaVariables = {
  KAFKA_BROKERS: z
    .string()
    .transform((list) => list.split(',').map((broker) => broker.trim()))
    .refine((brokers) => brokers.every(isBroker), 'every entry must be host:port')
    .transform((brokers) => [...new Set(brokers)])
    .optional()
    .describe('a comma-separated list of host:port'),
  KAFKA_SSL: booleanVariable().optional().describe('true or false'),
  KAFKA_SSL_CA_FILE: z.string().optional().describe('the path of a PEM file'),
  KAFKA_SSL_CERT_FILE: z.string().optional().describe('the path of a PEM file'),
  KAFKA_SSL_KEY_FILE: z.string().optional().describe('the path of a PEM file'),
  KAFKA_SASL_MECHANISM: z
    .enum(['plain', 'scram-sha-256', 'scram-sha-512'])
    .optional()
    .describe('plain, scram-sha-256 or scram-sha-512'),
  KAFKA_SASL_USERNAME: z.string().optional().describe('a user name'),
  KAFKA_SASL_PASSWORD: z.string().optional().describe('a password'),
};

const kafkaSettings = z.object(kafkaVariables);

/** What `readEnvironment` makes of `kafkaVariables`. */
export type KafkaSettings = z.output<typeof kafkaSettings>;

/** Where the brokers are and how to prove oneself to them; `ssl` holds PEM text, not paths. */
export interface KafkaConnectionSettings {
  brokers: string[];
  ssl?: { ca?: string; cert?: string; key?: string };
  sasl?: { mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'; username: string; password: string };
}

/**
 * Builds the connection, or returns undefined when `KAFKA_BROKERS` is not set.
 *
 * `KAFKA_SSL=true` alone trusts the authorities that Node trusts.
 *
 * @throws ConfigurationError for halves of a pair, for SSL files without `KAFKA_SSL=true`, and for files that
 * cannot be read, all of them at once.
 */
export function kafkaConnection(config: KafkaSettings): KafkaConnectionSettings | undefined {
  if (config.KAFKA_BROKERS === undefined) return undefined;
  const problems: string[] = [];
  const connection: KafkaConnectionSettings = { brokers: config.KAFKA_BROKERS };
  const ssl = readSsl(config, problems);
  if (ssl !== undefined) connection.ssl = ssl;
  const sasl = readSasl(config, problems);
  if (sasl !== undefined) connection.sasl = sasl;
  if (problems.length > 0) throw new ConfigurationError(problems);
  return connection;
}

function readSsl(config: KafkaSettings, problems: string[]): KafkaConnectionSettings['ssl'] {
  const ssl: { ca?: string; cert?: string; key?: string } = {};
  const files = [
    ['ca', 'KAFKA_SSL_CA_FILE'],
    ['cert', 'KAFKA_SSL_CERT_FILE'],
    ['key', 'KAFKA_SSL_KEY_FILE'],
  ] as const;
  for (const [part, name] of files) {
    const file = config[name];
    if (file === undefined) continue;
    if (config.KAFKA_SSL !== true) problems.push(`${name}: is set, but KAFKA_SSL is not true`);
    try {
      ssl[part] = readFileSync(file, 'utf8');
    } catch (error) {
      problems.push(`${name}: ${file} cannot be read (${reason(error)})`);
    }
  }
  if ((config.KAFKA_SSL_CERT_FILE === undefined) !== (config.KAFKA_SSL_KEY_FILE === undefined)) {
    problems.push('KAFKA_SSL_CERT_FILE and KAFKA_SSL_KEY_FILE: set both or none');
  }
  return config.KAFKA_SSL === true ? ssl : undefined;
}

function readSasl(config: KafkaSettings, problems: string[]): KafkaConnectionSettings['sasl'] {
  const mechanism = config.KAFKA_SASL_MECHANISM;
  const username = config.KAFKA_SASL_USERNAME;
  const password = config.KAFKA_SASL_PASSWORD;
  if (mechanism !== undefined && username !== undefined && password !== undefined) {
    return { mechanism, username, password };
  }
  if (mechanism !== undefined || username !== undefined || password !== undefined) {
    problems.push('KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD: set all three or none');
  }
  return undefined;
}

function isBroker(broker: string): boolean {
  const port = Number(BROKER.exec(broker)?.[1]);
  return port >= 1 && port <= 65_535;
}

function reason(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
