/**
 * Which images there are and what they are called; `infra/compose.yaml` has the same names as its defaults.
 */
import { readFileSync } from 'node:fs';
import { kafkaVersion } from '../broker/kafka-jars.ts';

const manifest = new URL('../../../package.json', import.meta.url);

/** The version of this repository, which its images carry too. */
export const imageVersion = (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;

/** The image of all services. */
export const serviceImage = `dbsync/service:${imageVersion}`;

/** Kafka from its jars: what stands in for the official image where that cannot be pulled. */
export const ownKafkaImage = `dbsync/kafka:${kafkaVersion}`;
