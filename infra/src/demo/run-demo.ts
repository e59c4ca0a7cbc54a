/**
 * `pnpm demo`: tells the story on free ports, with data in a temporary directory, and leaves nothing behind.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DescribeCluster } from '../broker/broker.ts';
import { Cluster } from '../cluster/cluster.ts';
import type { ServiceScripts } from '../cluster/cluster-options.ts';
import type { Environment } from '../cluster/service-environment.ts';
import type { Interruption } from '../dev/interruption.ts';
import { chooseFreePortRow } from '../process/ports.ts';
import { tellStory } from './story.ts';

const keptLines = 100;

/** What the demo needs. */
export interface DemoOptions {
  readonly environment: Environment;
  readonly describeCluster: DescribeCluster;
  readonly interruption: Interruption;
  readonly print: (line: string) => void;
  /** Default: the services of this repository. */
  readonly scripts?: ServiceScripts;
}

/**
 * Runs it.
 * @throws when the story does not come out as told; the services' last lines were printed then.
 */
export async function runDemo(options: DemoOptions): Promise<void> {
  const { print, interruption } = options;
  const folder = mkdtempSync(join(tmpdir(), 'dbsync-demo-'));
  const begun = performance.now();
  const lines: string[] = [];
  const keep = (line: string): void => {
    lines.push(line);
    if (lines.length > keptLines) lines.shift();
  };
  // The demo never writes to somebody else's broker.
  const { KAFKA_BROKERS: _, ...environment } = options.environment;
  try {
    await tellStory({
      print,
      signal: interruption.stop,
      startCluster: async (topology) => {
        const first = await chooseFreePortRow(5);
        return Cluster.start({
          dataDir: join(folder, topology),
          topology,
          broker: 'auto',
          ports: { kafka: first, user: first + 1, gateway: first + 2, order: first + 3 },
          replicas: 2,
          isFresh: false,
          isRestarting: false,
          logLevel: 'info',
          environment,
          describeCluster: options.describeCluster,
          ...(options.scripts === undefined ? {} : { scripts: options.scripts }),
          onLine: ({ source, text }) => keep(`${source} │ ${text}`),
          onReport: ({ level, message }) => (level === 'info' ? print(`   (${message})`) : keep(message)),
          signal: interruption.stop,
          killSignal: interruption.kill,
        });
      },
    });
    print('');
    print(`Told in ${((performance.now() - begun) / 1000).toFixed(0)} s. Your own turn: pnpm dev`);
  } catch (error) {
    for (const line of lines) print(line);
    throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
