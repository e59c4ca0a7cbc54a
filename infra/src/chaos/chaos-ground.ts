/**
 * What a chaos run stands on: a cluster of real processes with a link of its own between each replica and the broker.
 *
 * kafkajs follows the addresses that a broker advertises, so a proxy in front of the bootstrap address alone would be
 * left at once. Here the broker has a listener for each replica that advertises the replica's link.
 */
import { readFileSync } from 'node:fs';
import { type Chain, createChain, type RawTopic, rawTopic } from '@dbsync/replication/testing';
import { Cluster } from '../cluster/cluster.ts';
import { readMemory } from '../cluster/cluster-memory.ts';
import type { Report, ServiceLine, ServiceScripts } from '../cluster/cluster-options.ts';
import { openDataDirectory } from '../cluster/data-directory.ts';
import type { Environment } from '../cluster/service-environment.ts';
import type { ServiceProcess } from '../cluster/service-process.ts';
import { describeClusterWith } from '../describe-cluster.ts';
import { CutRows } from '../judge/cut-rows.ts';
import type { Violations } from '../judge/violations.ts';
import { emptyRecord, type LoadRecord } from '../load/order-load.ts';
import type { SessionReader } from '../load/session-reader.ts';
import { chooseFreePortRow, chooseFreePorts } from '../process/ports.ts';
import { Claims } from './claims.ts';
import { Link } from './link.ts';
import type { ReplicaWatch } from './replica-watch.ts';

/** Replicas that faults may add. */
const spareReplicas = 2;

/** What a ground is made from. */
export interface ChaosGroundOptions {
  /** An empty directory of the run's own. */
  readonly dataDir: string;
  readonly replicas: number;
  readonly environment: Environment;
  readonly onLine: (line: ServiceLine) => void;
  readonly onReport: (report: Report) => void;
  /** Environment of one replica, on top of everything else. Default: nothing. */
  readonly replicaEnvironment?: (replicaId: string) => Readonly<Record<string, string>>;
  /** Default: the services of this repository. */
  readonly scripts?: ServiceScripts;
  /** User-service and gateway, too. Default: true. */
  readonly hasFrontEnd?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** A cluster that can be hurt. */
export interface ChaosGround {
  readonly cluster: Cluster;
  /** By replica; also those of replicas that are not there yet. */
  readonly links: ReadonlyMap<string, Link>;
  /** The change topic, reached past all links. */
  readonly topic: RawTopic;
  readonly chain: Chain;
  readonly claims: Claims;
  /** Stops everything. */
  stop(): Promise<void>;
}

/** A ground with those who watch it: what faults are given. */
export interface WatchedGround extends ChaosGround {
  readonly reader: SessionReader;
  readonly watch: ReplicaWatch;
  readonly violations: Violations;
  /** Orders that faults place themselves, to see that they hold. */
  readonly probes: LoadRecord;
  /** What retention took from the topic as it is; empty when it never did, and when the topic was made anew. */
  readonly cut: CutRows;
  /** How long replicas took until they were ready again, in milliseconds. */
  readonly readyMs: number[];
  readonly print: (line: string) => void;
}

/** Starts everything and resolves when it is ready. */
export async function openGround(options: ChaosGroundOptions): Promise<ChaosGround> {
  const { dataDir, environment } = options;
  const count = options.replicas + spareReplicas;
  const linkPorts = await chooseFreePorts(count * 2);
  const first = await chooseFreePortRow(count + 3);
  const links = new Map<string, Link>();
  const brokerLinks = Array.from({ length: count }, (_, index) => ({
    port: linkPorts[index] ?? 0,
    advertisedPort: linkPorts[count + index] ?? 0,
  }));
  const closeLinks = async (): Promise<void> => {
    await Promise.all([...links.values()].map((link) => link.close()));
  };
  try {
    for (const [index, { port, advertisedPort }] of brokerLinks.entries()) {
      links.set(`order-${index + 1}`, await Link.open({ port: advertisedPort, targetPort: port }));
    }
    const { KAFKA_BROKERS: _, ...rest } = environment;
    const cluster = await Cluster.start({
      dataDir,
      topology: 'kafka',
      broker: 'java',
      ports: { kafka: first, user: first + 1, gateway: first + 2, order: first + 3 },
      replicas: options.replicas,
      hasFrontEnd: options.hasFrontEnd,
      isFresh: false,
      isRestarting: true,
      logLevel: 'info',
      environment: rest,
      brokerLinks,
      replicaEnvironment: (replicaId) => ({
        KAFKA_BROKERS: `127.0.0.1:${links.get(replicaId)?.port}`,
        ...options.replicaEnvironment?.(replicaId),
      }),
      ...(options.scripts === undefined ? {} : { scripts: options.scripts }),
      describeCluster: describeClusterWith(rest),
      onLine: options.onLine,
      onReport: options.onReport,
      signal: options.signal,
    });
    const stop = async (): Promise<void> => {
      await cluster.stop();
      await closeLinks();
    };
    const topic = rawTopic(cluster.broker?.bootstrap ?? '', 'orders.changes');
    return { cluster, links, topic, chain: chainOf(dataDir), claims: new Claims(), stop };
  } catch (error) {
    await closeLinks();
    throw error;
  }
}

/** Adds those who watch. */
export function watched(
  ground: ChaosGround,
  by: Pick<WatchedGround, 'reader' | 'watch' | 'violations' | 'print'>,
): WatchedGround {
  return { ...ground, ...by, probes: emptyRecord(), cut: new CutRows(), readyMs: [] };
}

/** All replicas that there are, by name and URL. */
export function replicaUrls(cluster: Cluster): ReadonlyMap<string, string> {
  return new Map(cluster.replicas.map((replica): [string, string] => [replica.name, replica.url]));
}

/** The others. */
export function othersThan(cluster: Cluster, replica: ServiceProcess): readonly ServiceProcess[] {
  return cluster.replicas.filter((other) => other !== replica);
}

function chainOf(dataDir: string): Chain {
  const directory = openDataDirectory(dataDir);
  const secret = readFileSync(directory.secretFile, 'utf8').trim();
  return createChain({ cluster: readMemory(directory)?.cluster ?? '', secret });
}
