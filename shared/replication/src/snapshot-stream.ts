/**
 * Snapshots as bytes: written to whoever asks, read back with every claim of the manifest checked.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { ReplicationError } from './errors.ts';
import {
  damaged,
  MAX_MANIFEST_BYTES,
  manifestSchema,
  type SnapshotManifest,
  type TakenSnapshot,
} from './snapshot.ts';

/** A snapshot as bytes, read as fast as they are taken. */
export async function* snapshotBytes({ file, manifest }: TakenSnapshot): AsyncGenerator<Buffer> {
  yield Buffer.from(`${JSON.stringify(manifest)}\n`);
  yield* createReadStream(file, { highWaterMark: 1 << 18 });
}

/**
 * Receives a snapshot into `file` and checks manifest, length and SHA-256. Nothing is left behind where it is refused.
 * @throws `snapshot-refused`, or the error of the source.
 */
export async function receiveSnapshot(
  source: AsyncIterable<Uint8Array>,
  options: { file: string; progress?: (received: number, manifest: SnapshotManifest) => void },
): Promise<SnapshotManifest> {
  const target = await open(options.file, 'w');
  try {
    const hash = createHash('sha256');
    let head: Buffer | undefined = Buffer.alloc(0);
    let manifest: SnapshotManifest | undefined;
    let received = 0;
    for await (const part of source) {
      let rest = Buffer.from(part.buffer, part.byteOffset, part.byteLength);
      if (head) {
        head = Buffer.concat([head, rest]);
        const end = head.indexOf(0x0a);
        if (end === -1 && head.length > MAX_MANIFEST_BYTES)
          throw damaged('it does not begin with a manifest');
        if (end === -1) continue;
        manifest = readManifest(head.subarray(0, end));
        rest = head.subarray(end + 1);
        head = undefined;
      }
      if (!manifest) continue;
      received += rest.length;
      if (received > manifest.bytes) throw damaged('it is longer than its manifest says');
      hash.update(rest);
      await target.writeFile(rest);
      options.progress?.(received, manifest);
    }
    if (!manifest) throw damaged('it ended before its manifest');
    if (received < manifest.bytes) throw damaged(`it ended after ${received} of ${manifest.bytes} bytes`);
    if (hash.digest('hex') !== manifest.sha256)
      throw damaged('its bytes are not those that were sent (SHA-256 differs)');
    await target.sync();
    await target.close();
    return manifest;
  } catch (error) {
    await target.close().catch(() => undefined);
    await rm(options.file, { force: true });
    throw isNoSpace(error) ? diskFull(error) : error;
  }
}

function readManifest(line: Buffer): SnapshotManifest {
  try {
    return manifestSchema.parse(JSON.parse(line.toString('utf8')));
  } catch (error) {
    throw damaged('its manifest cannot be read', error);
  }
}

function isNoSpace(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return code === 'ENOSPC' || code === 'EDQUOT';
}

function diskFull(cause: unknown): ReplicationError {
  return new ReplicationError({
    code: 'disk-full',
    message: 'The disk has no room for the snapshot; what had arrived is removed again.',
    hint: 'Make room on the disk; it is tried again.',
    isRetryable: true,
    cause,
  });
}
