/**
 * The Kafka cluster's id: minted once, kept beside the broker's data, compared at every start.
 *
 * A broker that answers on our port with another id is somebody else's: nothing is started on it, because
 * services would create topics and write there.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InfraError } from '../infra-error.ts';
import { writeFileAtomically } from '../process/atomic-file.ts';

/** Reads the id kept in `<brokerDir>/cluster.id`, or mints and keeps one. */
export function keptClusterId(brokerDir: string): string {
  const path = join(brokerDir, 'cluster.id');
  const kept = readKept(path);
  if (kept !== null) return kept;
  mkdirSync(brokerDir, { recursive: true });
  const minted = mintClusterId();
  writeFileAtomically({ path, text: `${minted}\n` });
  return minted;
}

function readKept(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim() || null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** 16 random bytes in Kafka's spelling; never with a dash in front, which its tools take for an option. */
export function mintClusterId(): string {
  const id = randomBytes(16).toString('base64url');
  return id.startsWith('-') ? mintClusterId() : id;
}

/**
 * Compares who answers with who was expected.
 * @throws `wrong-broker` when they differ.
 */
export function requireClusterId(ids: {
  readonly expected: string;
  readonly found: string;
  readonly bootstrap: string;
}): void {
  if (ids.found === ids.expected) return;
  throw new InfraError({
    code: 'wrong-broker',
    message: `The broker at ${ids.bootstrap} is another cluster (${ids.found}, ours is ${ids.expected}); nothing was written to it.`,
    hint: 'Take another port with --kafka-port, or use that broker deliberately with KAFKA_BROKERS and --broker external.',
  });
}
