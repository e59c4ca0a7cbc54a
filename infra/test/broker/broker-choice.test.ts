import { describe, expect, it } from 'vitest';
import { type BrokerQuestion, chooseBroker } from '../../src/broker/broker-choice.ts';

const docker = { ready: 'the image apache/kafka:4.3.1 on Docker 28.2.2' };
const java = { ready: 'Apache Kafka 4.3.1 on Java 17.0.15' };
const noDocker = { absent: 'there is no docker command' };
const noEngine = { absent: 'no Docker engine answers' };
const oldJava = { absent: 'Java 11.0.2 is older than 17' };

type Case = Omit<BrokerQuestion, 'remembered'> & { remembered?: BrokerQuestion['remembered']; says: string };

const taken: readonly (Case & { takes: string })[] = [
  {
    requested: 'auto',
    findings: { kafkaBrokers: '10.0.0.5:9092' },
    takes: 'external',
    says: 'Kafka: the brokers that KAFKA_BROKERS names (10.0.0.5:9092).',
  },
  {
    requested: 'auto',
    findings: { kafkaBrokers: null, docker },
    takes: 'docker',
    says: 'Kafka: the image apache/kafka:4.3.1 on Docker 28.2.2, as KAFKA_BROKERS is not set.',
  },
  {
    requested: 'auto',
    findings: { kafkaBrokers: null, docker: noEngine, java },
    takes: 'java',
    says: 'Kafka: Apache Kafka 4.3.1 on Java 17.0.15, as KAFKA_BROKERS is not set and no Docker engine answers.',
  },
  {
    requested: 'auto',
    remembered: 'java',
    findings: { kafkaBrokers: null, java },
    takes: 'java',
    says: 'Kafka: Apache Kafka 4.3.1 on Java 17.0.15, as the data in this data directory were written by that kind of broker.',
  },
  {
    requested: 'auto',
    remembered: 'java',
    findings: { kafkaBrokers: 'elsewhere:9092' },
    takes: 'external',
    says: 'Kafka: the brokers that KAFKA_BROKERS names (elsewhere:9092).',
  },
  {
    requested: 'docker',
    findings: { kafkaBrokers: 'ignored:9092', docker },
    takes: 'docker',
    says: 'Kafka: the image apache/kafka:4.3.1 on Docker 28.2.2, as --broker docker asks.',
  },
  {
    requested: 'java',
    findings: { kafkaBrokers: null, java },
    takes: 'java',
    says: 'Kafka: Apache Kafka 4.3.1 on Java 17.0.15, as --broker java asks.',
  },
  {
    requested: 'external',
    findings: { kafkaBrokers: 'a:9092,b:9092' },
    takes: 'external',
    says: 'Kafka: the brokers that KAFKA_BROKERS names (a:9092,b:9092).',
  },
];

const refused: readonly (Case & { code: string })[] = [
  {
    requested: 'auto',
    findings: { kafkaBrokers: null, docker: noDocker, java: oldJava },
    code: 'no-broker',
    says: 'No broker: KAFKA_BROKERS is not set, there is no docker command and Java 11.0.2 is older than 17.',
  },
  {
    requested: 'external',
    findings: { kafkaBrokers: null },
    code: 'no-broker',
    says: "--broker external needs the brokers' addresses, and KAFKA_BROKERS is not set.",
  },
  {
    requested: 'docker',
    findings: { kafkaBrokers: null, docker: noEngine },
    code: 'no-broker',
    says: 'No broker: --broker docker is wanted, as --broker docker asks, but no Docker engine answers.',
  },
  {
    requested: 'auto',
    remembered: 'docker',
    findings: { kafkaBrokers: null, docker: noEngine },
    code: 'no-broker',
    says: 'No broker: --broker docker is wanted, as the data in this data directory were written by that kind of broker, but no Docker engine answers.',
  },
  {
    requested: 'docker',
    remembered: 'java',
    findings: { kafkaBrokers: null, docker },
    code: 'wrong-broker',
    says: 'The data in this data directory were written by --broker java.',
  },
  {
    requested: 'auto',
    remembered: 'external',
    findings: { kafkaBrokers: null, docker },
    code: 'wrong-broker',
    says: 'The data in this data directory belong with an external broker.',
  },
];

describe('the choice of a broker', () => {
  it.each(taken)(
    '--broker $requested takes $takes and says: $says',
    ({ takes, says, remembered, ...question }) => {
      expect(chooseBroker({ remembered: remembered ?? null, ...question })).toEqual({
        kind: takes,
        reason: says,
      });
    },
  );

  it.each(refused)(
    '--broker $requested is refused ($code): $says',
    ({ code, says, remembered, ...question }) => {
      expect(() => chooseBroker({ remembered: remembered ?? null, ...question })).toThrow(
        expect.objectContaining({ code, message: says }),
      );
    },
  );

  it('names what to install when there is nothing', () => {
    const question = { requested: 'auto', remembered: null } as const;
    expect(() =>
      chooseBroker({ ...question, findings: { kafkaBrokers: null, docker: noDocker, java: oldJava } }),
    ).toThrow(
      expect.objectContaining({
        hint: expect.stringMatching(/Java 17.*Maven.*apt-get install.*Docker engine.*KAFKA_BROKERS=/),
      }),
    );
  });
});
