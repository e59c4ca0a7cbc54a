/**
 * What a local cluster is started with. `pnpm dev`, the demo, the smoke run and the integration tests all start
 * theirs from these options; only `pnpm dev` shows every one of them to its user.
 */
import { fileURLToPath } from 'node:url';
import type { DescribeCluster, RequestedBroker } from '../broker/broker.ts';
import type { BrokerLink } from '../broker/server-properties.ts';
import type { Environment } from './service-environment.ts';

/**
 * `kafka`: replicas exchange their rows. `isolated`: each is alone, which shows the problem. `shared-db`: all of
 * them work on one PostgreSQL, the other answer to it.
 */
export type Topology = 'kafka' | 'isolated' | 'shared-db';

/** A sentence of the supervisor itself. */
export interface Report {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
}

/** A line that a service has printed. */
export interface ServiceLine {
  /** `order-1`, `user-service`, …. */
  readonly source: string;
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
}

/** The programs that are started. */
export interface ServiceScripts {
  readonly orderService: string;
  readonly userService: string;
  readonly gateway: string;
}

/** The services of this repository. */
export const ownServices: ServiceScripts = {
  orderService: fileURLToPath(new URL('../../../services/order-service/src/main.ts', import.meta.url)),
  userService: fileURLToPath(new URL('../../../services/user-service/src/main.ts', import.meta.url)),
  gateway: fileURLToPath(new URL('../../../services/gateway/src/main.ts', import.meta.url)),
};

/** Ports of 127.0.0.1. Replicas take `order`, `order + 1`, …. */
export interface ClusterPorts {
  readonly kafka: number;
  readonly order: number;
  readonly user: number;
  readonly gateway: number;
}

/** Options of a local cluster. */
export interface ClusterOptions {
  /** Absolute path of the data directory. */
  readonly dataDir: string;
  readonly topology: Topology;
  readonly broker: RequestedBroker;
  readonly ports: ClusterPorts;
  /** Default: what the data directory remembers, else 2. */
  readonly replicas?: number | undefined;
  /** User-service and gateway beside the replicas. Default: true. */
  readonly hasFrontEnd?: boolean | undefined;
  /** Forget earlier data. */
  readonly isFresh: boolean;
  /** Start a child again when it dies. */
  readonly isRestarting: boolean;
  /** Default: what the data directory remembers, else none. */
  readonly topicPrefix?: string | undefined;
  /** LOG_LEVEL of the services. */
  readonly logLevel: string;
  /** The caller's environment: for the broker (KAFKA_BROKERS, JAVA_HOME, …) and inherited by the services. */
  readonly environment: Environment;
  /** Set for every service on top of everything else. Default: nothing. */
  readonly serviceEnvironment?: Readonly<Record<string, string>>;
  /** The same for one order replica, on top of that. Default: nothing. */
  readonly replicaEnvironment?: (replicaId: string) => Readonly<Record<string, string>>;
  /** Listeners of the Java broker for clients that reach it in a way of their own. Default: none. */
  readonly brokerLinks?: readonly BrokerLink[];
  readonly describeCluster: DescribeCluster;
  /** Default: the services of this repository. */
  readonly scripts?: ServiceScripts;
  /** Called for each line that a service prints. */
  readonly onLine: (line: ServiceLine) => void;
  /** Called for each sentence of the supervisor. */
  readonly onReport: (report: Report) => void;
  /** Calls the start off; what was started is taken down again. */
  readonly signal?: AbortSignal | undefined;
  /** Kills everything at once, during the start, the run or the stop. */
  readonly killSignal?: AbortSignal | undefined;
}
