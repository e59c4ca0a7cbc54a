/**
 * Who a Kafka cluster is, asked with the project's one Kafka client: what the broker code gets handed in.
 *
 * The brokers that KAFKA_BROKERS names are asked with the TLS and SASL settings beside it, as the services do;
 * our own broker on loopback speaks plain text.
 */
import { describeKafkaCluster } from '@dbsync/replication';
import { kafkaConnection, kafkaVariables } from '@dbsync/service-kit';
import { z } from 'zod';
import type { DescribeCluster } from './broker/broker.ts';
import type { Environment } from './cluster/service-environment.ts';

/** Makes the question for an environment. Throws when its KAFKA_* variables contradict each other. */
export function describeClusterWith(environment: Environment): DescribeCluster {
  const given = Object.entries(environment).filter((entry) => entry[1] !== undefined && entry[1] !== '');
  const connection = environment.KAFKA_BROKERS
    ? kafkaConnection(z.object(kafkaVariables).parse(Object.fromEntries(given)))
    : undefined;
  return ({ kafka, timeoutMs }) => {
    const isExternal = connection?.brokers.join() === kafka.brokers.join();
    return describeKafkaCluster({ kafka: isExternal && connection ? connection : kafka, timeoutMs });
  };
}
