/**
 * What a local cluster remembers between two starts: its name, its size, where its log is.
 *
 * Kept in `<data-dir>/cluster.json`. Started again without `--fresh`, everything is as it was; what a start asks
 * for differently is either taken over (the number of replicas) or refused, because the data would no longer fit.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { InfraError } from '../infra-error.ts';
import { writeFileAtomically } from '../process/atomic-file.ts';
import type { DataDirectory } from './data-directory.ts';

const memorySchema = z.object({
  /** DBSYNC_CLUSTER of every service. */
  cluster: z.string().min(1),
  replicas: z.number().int().min(1),
  /** Kind of broker that holds the log; null while the cluster has only been isolated. */
  broker: z.enum(['external', 'docker', 'java']).nullable(),
  topicPrefix: z.string(),
});

/** The contents of `cluster.json`. */
export type ClusterMemory = z.infer<typeof memorySchema>;

/** Replicas of a new cluster unless said otherwise. */
const defaultReplicas = 2;

/**
 * Reads it; null when there is none.
 * @throws `directory-refused` when it cannot be read as what it should be.
 */
export function readMemory(directory: DataDirectory): ClusterMemory | null {
  if (!existsSync(directory.memoryFile)) return null;
  try {
    return memorySchema.parse(JSON.parse(readFileSync(directory.memoryFile, 'utf8')));
  } catch (cause) {
    throw new InfraError({
      code: 'directory-refused',
      message: `${directory.memoryFile} cannot be read as a cluster's memory.`,
      hint: 'Put the file back, or forget the data with --fresh.',
      cause,
    });
  }
}

/** Keeps it, atomically. */
export function keepMemory(directory: DataDirectory, memory: ClusterMemory): void {
  writeFileAtomically({ path: directory.memoryFile, text: `${JSON.stringify(memory, null, 2)}\n` });
}

/** What a start asks for. */
export interface MemoryWish {
  readonly replicas?: number | undefined;
  readonly topicPrefix?: string | undefined;
}

/**
 * The memory a start goes on with: what is remembered, or a new cluster, changed by the wish.
 * @throws `bad-usage` when the wish does not fit the data.
 */
export function nextMemory(remembered: ClusterMemory | null, wish: MemoryWish): ClusterMemory {
  if (remembered === null) {
    return {
      cluster: `dev-${randomBytes(4).toString('hex')}`,
      replicas: wish.replicas ?? defaultReplicas,
      broker: null,
      topicPrefix: wish.topicPrefix ?? '',
    };
  }
  if (wish.topicPrefix !== undefined && wish.topicPrefix !== remembered.topicPrefix) {
    throw new InfraError({
      code: 'bad-usage',
      message: `The data in this data directory belong to topics with the prefix '${remembered.topicPrefix}', not '${wish.topicPrefix}'.`,
      hint: 'Leave --topic-prefix out, take another --data-dir, or forget the data with --fresh.',
    });
  }
  return { ...remembered, replicas: wish.replicas ?? remembered.replicas };
}

/**
 * With somebody else's broker, `--fresh` cannot forget the topics, so new data need new ones.
 * @throws `bad-usage` when no prefix is given, or the one used before.
 */
export function requireNewPrefix(remembered: ClusterMemory | null, topicPrefix: string | undefined): void {
  if (topicPrefix !== undefined && topicPrefix !== remembered?.topicPrefix) return;
  const used = remembered === null ? '' : ` (so far: '${remembered.topicPrefix}')`;
  throw new InfraError({
    code: 'bad-usage',
    message: `--fresh forgets local data only; the topics on an external broker stay${used}.`,
    hint: 'Give new topics with --topic-prefix NAME.',
  });
}
