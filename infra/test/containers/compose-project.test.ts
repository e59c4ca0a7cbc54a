import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { withComposeProject } from '../../testing/containers/compose-project.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dbsync-compose-'));
  vi.spyOn(console, 'error').mockReturnValue();
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

/** A compose command that notes what it is called for; `up` and `down` do what is said. */
function fakeCompose(up: string, down: string): string {
  const command = join(folder, 'compose');
  const called = join(folder, 'called');
  writeFileSync(
    command,
    `#!/bin/bash
for word; do case $word in
  up) echo up >>${called}; ${up};;
  logs) echo logs >>${called}; echo 'kafka | no space left'; exit 0;;
  down) echo down >>${called}; ${down};;
esac; done
`,
  );
  chmodSync(command, 0o755);
  return command;
}

const start = (compose: string): Promise<void> =>
  withComposeProject(
    {
      ...{ compose: [compose], images: { service: 's', kafka: 'k' }, files: ['compose.yaml'], services: 1 },
      timeoutsMs: { up: 300, down: 300 },
    },
    async () => undefined,
  );

describe('a compose project', () => {
  it('whose start hangs is given up, shows the logs of all containers, and is taken down', async () => {
    await expect(start(fakeCompose('exec sleep 60', 'exit 0'))).rejects.toThrow(
      'compose up failed (timed-out)',
    );
    expect(readFileSync(join(folder, 'called'), 'utf8')).toBe('up\nlogs\ndown\n');
    expect(vi.mocked(console.error).mock.calls.join()).toContain('kafka | no space left');
  });

  it('that cannot be taken down says so, and what failed before that', async () => {
    const failing = start(fakeCompose('exit 3', 'exec sleep 60'));
    await expect(failing).rejects.toThrow(
      /compose up failed \(ended\)[\s\S]*compose down failed \(timed-out\)/,
    );
  });
});
