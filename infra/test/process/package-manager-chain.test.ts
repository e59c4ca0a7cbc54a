import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import {
  isChainAlive,
  type ProcessTable,
  packageManagerChain,
} from '../../src/process/package-manager-chain.ts';

/** A line of processes, the command first: pids 1000, 999, …. */
function table(...commands: readonly string[]): ProcessTable {
  return {
    parentOf: (pid) => (commands[1000 - pid + 1] === undefined ? null : pid - 1),
    identify: (pid) => {
      const command = commands[1000 - pid];
      return command === undefined ? null : { pid, startedAt: `boot/${pid}`, command };
    },
  };
}

const pidsIn = (world: ProcessTable) => packageManagerChain(1000, world).map((link) => link.pid);

describe('the chain up to the package manager', () => {
  it('holds every process between the command and npx', () => {
    const world = table(
      'node scripts/dev.ts',
      'sh -c trap "" INT; node scripts/dev.ts',
      'pnpm dev',
      "sh -c 'pnpm' dev",
      'npm exec pnpm@12.21.0 dev',
      'bash -c npx pnpm dev & sleep 100',
      'sshd: ada',
    );
    expect(pidsIn(world)).toEqual([999, 998, 997, 996]);
  });

  it('knows package managers that run on Node', () => {
    expect(pidsIn(table('node dev.ts', 'node /usr/lib/node_modules/pnpm/bin/pnpm.cjs dev', '-bash'))).toEqual(
      [999],
    );
    expect(pidsIn(table('node dev.ts', '/bin/sh -c node dev.ts', '/usr/bin/npm-cli.js run dev'))).toEqual([
      999, 998,
    ]);
  });

  it('is empty for a command that was started by hand or by a program', () => {
    expect(pidsIn(table('node dev.ts', '-bash'))).toEqual([]);
    expect(pidsIn(table('node dev.ts', 'bash -c node dev.ts', 'python3 harness.py'))).toEqual([]);
    expect(pidsIn(table('node dev.ts', 'node pnpm-lookalike.js'))).toEqual([]);
    expect(pidsIn(table('node dev.ts'))).toEqual([]);
  });

  it('is broken when one of its processes ends, or another has its pid', () => {
    const chain = packageManagerChain(1000, table('node dev.ts', 'sh -c x', 'pnpm dev'));
    expect(isChainAlive(chain, table('node dev.ts', 'sh -c x', 'pnpm'))).toBe(true);
    expect(isChainAlive(chain, table('node dev.ts', 'sh -c x'))).toBe(false);
    const reused: ProcessTable = {
      parentOf: () => null,
      identify: (pid) => ({ pid, startedAt: 'later', command: '' }),
    };
    expect(isChainAlive(chain, reused)).toBe(false);
    expect(isChainAlive([], reused)).toBe(true);
  });

  it('is read from real processes', async () => {
    const script = 'setInterval(() => {}, 1000); console.log("up")';
    const manager = spawn(
      'bash',
      ['-c', `exec -a pnpm bash -c '"$0" -e "$1" & echo $!; wait' "$0" "$1"`, process.execPath, script],
      {
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    );
    const [chunk] = await once(manager.stdout, 'data');
    const pid = Number(String(chunk).split('\n')[0]);
    try {
      const chain = packageManagerChain(pid);
      expect(chain.map((link) => link.pid)).toContain(manager.pid);
      expect(isChainAlive(chain)).toBe(true);
      manager.kill('SIGKILL');
      await once(manager, 'exit');
      expect(isChainAlive(chain)).toBe(false);
    } finally {
      process.kill(pid, 'SIGKILL');
    }
  });
});
