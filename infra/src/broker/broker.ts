/**
 * What a broker is to everybody who needs one, whichever way it was come by.
 *
 * Words: a *kind* is where the broker comes from; a *reason* is the one sentence that says which kind was taken
 * and why the earlier ones were not. `broker-choice.ts` decides, `start-broker.ts` starts.
 */
import type { BrokerLink } from './server-properties.ts';

/** `external`: somebody else's, at KAFKA_BROKERS. `docker`: our container. `java`: our child process. */
export type BrokerKind = 'external' | 'docker' | 'java';

/** What `--broker` may say. */
export type RequestedBroker = 'auto' | BrokerKind;

/** Every value of `--broker`, in the order of the help text. */
export const requestedBrokers: readonly RequestedBroker[] = ['auto', 'external', 'docker', 'java'];

/**
 * Asks a Kafka cluster who it is. Stands for the one Kafka client of the project, which this package never
 * imports. Throws when nobody answers within `timeoutMs`.
 */
export type DescribeCluster = (options: {
  readonly kafka: { readonly brokers: readonly string[] };
  readonly timeoutMs: number;
}) => Promise<{ readonly clusterId: string; readonly brokers: number }>;

/** A broker that answers. */
export interface Broker {
  readonly kind: BrokerKind;
  /** `host:port`, comma-joined where there are several. */
  readonly bootstrap: string;
  /** Kafka's own name of the cluster, as the broker says it. */
  readonly clusterId: string;
  /** One sentence: what was taken, and why the earlier kinds were not. */
  readonly reason: string;
  /** The broker's process while it is our child and alive, else null. */
  readonly pid: number | null;
  /** Resolves with how the present life ended; never, for an external broker. */
  ended(): Promise<string>;
  /** Starts it again on the same port and data, after it has ended; resolves when it answers. */
  restart(): Promise<void>;
  /** Sends a signal, for tests and for taking everything down at once. Does nothing to an external broker. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Ends it in order, bounded in time. Does nothing to an external broker. */
  stop(): Promise<void>;
}

/** What every way of starting a broker needs. */
export interface BrokerSurroundings {
  /** Data directory; the broker's own part of it is `broker/`. Absolute. */
  readonly dataDir: string;
  /** Port of 127.0.0.1 for clients. */
  readonly port: number;
  /** Listeners besides the one on `port`, for the Java broker only. Default: none. */
  readonly links?: readonly BrokerLink[] | undefined;
  /** Laid over the settings of the template, for the Java broker only. Default: none. */
  readonly settings?: ReadonlyMap<string, string> | undefined;
  /** The environment of the command that asks: PATH, JAVA_HOME, KAFKA_BROKERS, KAFKA_IMAGE, XDG_CACHE_HOME. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly describeCluster: DescribeCluster;
  /** Called with a sentence on what takes long. */
  readonly onProgress: (sentence: string) => void;
  /** Called with the pid of each child process, right after its birth. */
  readonly onSpawn?: ((pid: number) => void) | undefined;
  /** Calls the start off. */
  readonly signal?: AbortSignal | undefined;
}
