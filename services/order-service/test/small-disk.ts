/**
 * An order replica as a process of its own on a disk of a few megabytes, to fill it up.
 *
 * The disk is a tmpfs in a mount namespace of the process, so nothing of it is seen outside and it goes with the
 * process. Needs Linux with user namespaces; `whyNoSmallDisk` says what is missing elsewhere.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterwards, newDirectory, testIdentity } from './running-service.ts';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

/** Mounts a disk of `$1` bytes on `$2`, then becomes the service. */
const SCRIPT = 'mount -t tmpfs -o size="$1" tmpfs "$2" && shift 2 && exec "$@"';

/** A replica on a small disk. */
export interface SmallDisk {
  readonly url: string;
  readonly process: ChildProcess;
  readonly logLines: string[];
  /** Takes up space with a file; throws ENOSPC when there is less. */
  fill(bytes: number): void;
  /** Removes that file. */
  makeRoom(): void;
}

/** Undefined where small disks can be made. */
export function whyNoSmallDisk(): string | undefined {
  try {
    execFileSync('unshare', ['--mount', '--map-root-user', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], {
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: 5000,
    });
    return undefined;
  } catch (error) {
    return `no disk of its own can be mounted here (${String(error).split('\n')[0]})`;
  }
}

/** Starts an isolated replica on a disk of `bytes`. */
export async function startOnSmallDisk(bytes: number): Promise<SmallDisk> {
  const mountPoint = newDirectory();
  const child = spawn(
    'unshare',
    [
      '--mount',
      '--map-root-user',
      'sh',
      '-c',
      SCRIPT,
      'sh',
      String(bytes),
      mountPoint,
      process.execPath,
      MAIN,
    ],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        PATH: process.env.PATH,
        PORT: '0',
        REPLICA_ID: 'order-1',
        DATABASE_FILE: path.join(mountPoint, 'orders.db'),
        DBSYNC_TOPOLOGY: 'isolated',
        DBSYNC_CLUSTER: testIdentity.cluster,
        DBSYNC_SECRET: testIdentity.secret,
      },
    },
  );
  afterwards(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'close');
  });
  const logLines: string[] = [];
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      logLines.push(line);
      const said = JSON.parse(line) as { msg: string; url?: string };
      if (said.msg === 'order replica answers' && said.url !== undefined) resolve(said.url);
    });
    child.once('close', () => reject(new Error(`the service ended: ${logLines.at(-1) ?? 'without a word'}`)));
  });
  // The disk as the process sees it.
  const filler = path.join(`/proc/${child.pid}/root`, mountPoint, 'filler');
  return {
    url,
    process: child,
    logLines,
    fill: (size) => writeFileSync(filler, Buffer.alloc(size)),
    makeRoom: () => rmSync(filler, { force: true }),
  };
}
