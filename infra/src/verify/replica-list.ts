/**
 * Which replicas a command is about: those named by `--urls`, or those of the `pnpm dev` that runs on `--data-dir`.
 */
import { join } from 'node:path';
import { readDevFile } from '../cluster/dev-file.ts';
import { InfraError } from '../infra-error.ts';
import { probeReplica, type ReplicaProbe } from './replica-probe.ts';

/**
 * Finds the replicas.
 * @throws `bad-usage` for what is no URL, `not-found` when nothing runs on the data directory.
 */
export function findReplicas(options: { dataDir: string; urls: string | undefined }): ReplicaProbe[] {
  const urls =
    options.urls?.split(',').map((url) => url.trim()) ??
    readDevFile(join(options.dataDir, 'dev.json')).orderReplicas.map(({ url }) => url);
  const wrong = urls.find((url) => !/^https?:/.test(url) || !URL.canParse(url));
  if (wrong !== undefined) {
    throw new InfraError({
      code: 'bad-usage',
      message: `'${wrong}' is not the URL of a replica.`,
      hint: 'Write --urls http://host:port,http://host:port.',
    });
  }
  return urls.map(probeReplica);
}
