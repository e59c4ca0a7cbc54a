/**
 * An order replica under strace, which makes chosen system calls fail, late or deadly.
 *
 * One thread does all of the replica's file work, so "the third write" is the same one in every run. Where strace is
 * missing a test is skipped with the reason; on CI that is a failure, as nothing else shows what these tests show.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { ownServices } from '../src/cluster/cluster-options.ts';
import { leanNode } from '../src/cluster/service-environment.ts';
import { type Life, startLife } from '../src/process/life.ts';
import { chooseFreePorts } from '../src/process/ports.ts';
import { waitFor } from '../src/process/wait-for.ts';

/** Who the traced replicas are. */
export const tracedCluster = { cluster: 'traced', secret: 'a secret of sixteen and more' };

/** A replica that was started, and may have ended since. */
export interface TracedReplica {
  readonly url: string;
  readonly life: Life;
  readonly lines: readonly string[];
  /** Traced system calls so far, as strace counts them: those of the thread that makes the most. */
  calls(): number;
  /** True once a system call was made to fail. */
  isHarmed(): boolean;
  /** Resolves with whether it answers; false when it has ended before it did. */
  isUp(): Promise<boolean>;
  /** Ends it, however it is; resolves when it is gone. */
  end(): Promise<void>;
}

/** Undefined where processes can be traced. @throws on CI, where they must be. */
export function whyNoStrace(): string | undefined {
  try {
    execFileSync('strace', ['-qq', '-f', '-e', 'trace=none', 'true'], { stdio: 'pipe', timeout: 10_000 });
    return undefined;
  } catch (error) {
    const reason = `strace cannot be used here (${String(error).split('\n')[0]}); on Debian: apt-get install strace`;
    if (process.env.CI === 'true') throw new Error(reason);
    return reason;
  }
}

/**
 * Starts a replica on `file`; `inject` is what strace is to do, such as `fsync:error=EIO:when=2`. Without it, the
 * replica runs as it is.
 */
export async function startTraced(options: {
  readonly file: string;
  readonly inject?: string;
  readonly environment?: Readonly<Record<string, string>>;
}): Promise<TracedReplica> {
  const { inject } = options;
  const [port = 0] = await chooseFreePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const lines: string[] = [];
  const trace = `${options.file}.trace`;
  const [traced] = inject?.split(':') ?? [];
  // Not with --seccomp-bpf: strace 6.1 then injects no signal but at the first call.
  const strace = ['-f', '-qq', '-e', `trace=${traced}`, '-e', 'signal=none'];
  const service = [process.execPath, ownServices.orderService];
  const [command = '', ...args] = inject
    ? ['strace', ...strace, '-o', trace, '-e', `inject=${inject}`, ...service]
    : service;
  const life = await startLife({
    command,
    args,
    environment: {
      PATH: process.env.PATH ?? '',
      ...leanNode,
      UV_THREADPOOL_SIZE: '1',
      PORT: String(port),
      REPLICA_ID: 'order-1',
      DATABASE_FILE: options.file,
      DBSYNC_TOPOLOGY: 'isolated',
      DBSYNC_CLUSTER: tracedCluster.cluster,
      DBSYNC_SECRET: tracedCluster.secret,
      ...options.environment,
    },
    onLine: (line) => lines.push(line),
  });
  return {
    url,
    life,
    lines,
    calls: () => {
      const threads = Map.groupBy(readFileSync(trace, 'utf8').matchAll(/^(\d+) +\w+\(/gm), ([, pid]) => pid);
      return Math.max(0, ...[...threads.values()].map(({ length }) => length));
    },
    isHarmed: () => existsSync(trace) && readFileSync(trace, 'utf8').includes('(INJECTED)'),
    isUp: () =>
      waitFor({
        what: `an answer of ${url}`,
        timeoutMs: 60_000,
        intervalMs: 20,
        look: async () => {
          if (life.isOver()) return { found: false };
          const answer = await fetch(`${url}/livez`).catch(() => undefined);
          return answer?.ok ? { found: true } : { missing: `${lines.at(-1)}` };
        },
      }),
    end: async () => {
      life.signal('SIGKILL');
      await life.ended;
    },
  };
}
