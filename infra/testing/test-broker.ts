/**
 * Real brokers for tests: each with a temporary directory and free ports of its own.
 *
 * Java comes before Docker here, as it is up in two seconds; KAFKA_BROKERS counts only where a test can live
 * with a broker that it may not kill. No broker is a failure that says why, never a silent skip.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrokerSurroundings } from '../src/broker/broker.ts';
import { ChildrenFile } from '../src/cluster/children-file.ts';
import { openDataDirectory } from '../src/cluster/data-directory.ts';
import { startGuardian } from '../src/cluster/guardian.ts';
import type { Environment } from '../src/cluster/service-environment.ts';
import {
  type Broker,
  chooseFreePorts,
  describeClusterWith,
  errorText,
  InfraError,
  startBroker,
} from '../src/index.ts';

/** A broker that a test owns. */
export interface TestBroker {
  readonly broker: Broker;
  readonly bootstrap: string;
  readonly port: number;
  /** Of the broker's data; they are under `broker/log`. */
  readonly dataDir: string;
  /** Stops it and removes its data. */
  stop(): Promise<void>;
}

/** Which broker a test can live with. */
export interface TestBrokerOptions {
  /** May it be the one that KAFKA_BROKERS names? A test that kills its broker says no, which is the default. */
  readonly mayBeExternal?: boolean;
  /** Default: that of this process. */
  readonly environment?: Environment;
  /** Listeners and settings beyond the usual ones; then it is Java's broker or none. */
  readonly own?: Pick<BrokerSurroundings, 'links' | 'settings'>;
}

/**
 * Starts a broker.
 * @throws `no-broker` with every reason why there is none.
 */
export async function startTestBroker(options: TestBrokerOptions = {}): Promise<TestBroker> {
  const dataDir = mkdtempSync(join(tmpdir(), 'dbsync-broker-'));
  const [port = 0] = await chooseFreePorts(1);
  const environment = options.environment ?? process.env;
  const isExternal = options.mayBeExternal === true && Boolean(environment.KAFKA_BROKERS);
  const reasons: string[] = [];
  // A run that is killed must not leave its broker behind.
  const children = new ChildrenFile(openDataDirectory(dataDir).childrenFile);
  const guardian = startGuardian({ dataDir, environment });
  const clear = async (): Promise<void> => {
    children.remove();
    await guardian.dismiss();
    rmSync(dataDir, { recursive: true, force: true });
  };
  const ours = options.own === undefined ? (['java', 'docker'] as const) : (['java'] as const);
  for (const requested of isExternal ? (['external'] as const) : ours) {
    try {
      const broker = await startBroker({
        requested,
        dataDir,
        port,
        environment,
        describeCluster: describeClusterWith(environment),
        ...options.own,
        onSpawn: (pid) => children.record('broker', pid),
        onProgress: (sentence) => {
          if (sentence.startsWith('Downloading') || sentence.startsWith('pulling')) console.info(sentence);
        },
      });
      const stop = async (): Promise<void> => {
        await broker.stop();
        await clear();
      };
      return { broker, bootstrap: broker.bootstrap, port, dataDir, stop };
    } catch (error) {
      if (!(error instanceof InfraError) || error.code !== 'no-broker') {
        await clear();
        throw error;
      }
      reasons.push(errorText(error));
    }
  }
  await clear();
  throw new InfraError({
    code: 'no-broker',
    message: `Tests on real Kafka cannot run here.\n${reasons.join('\n')}`,
    hint: 'Run only the others with pnpm test:fast.',
  });
}
