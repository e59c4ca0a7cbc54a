import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { QuickStartStep } from '../../src/quick-start/quick-start.ts';
import { runQuickStart } from '../../src/quick-start/run-quick-start.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dbsync-test-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Stands in for `pnpm dev`: says that it is ready, and takes its dev.json away on Ctrl-C. */
const dev = `trap 'rm -f dev.json; exit 0' INT; touch dev.json; echo 'ready in 0.1 s'; while :; do sleep 0.05; done`;
const json = (text: string) => ({ kind: 'json', text }) as const;

async function run(...steps: readonly QuickStartStep[]): Promise<string> {
  let printed = '';
  await runQuickStart({
    steps: [{ commands: [dev], expected: { kind: 'text', text: 'ready in … s' } }, ...steps],
    workingDir: folder,
    dataDir: folder,
    environment: process.env,
    print: (text) => {
      printed += `${text}\n`;
    },
    signal: new AbortController().signal,
  });
  return printed;
}

describe('executing the quick start', () => {
  it('runs every command in one shell, compares, and takes everything down with Ctrl-C', async () => {
    const printed = await run(
      { commands: ['id=7', 'other=8'], expected: null },
      { commands: ['echo "{\\"id\\":$id}"'], expected: json('{"id":7}') },
    );
    expect(printed).toContain('$ echo "{\\"id\\":$id}"\n{"id":7}\n# as written\n');
    expect(printed).toMatch(/# everything is down\n$/);
    expect(existsSync(join(folder, 'dev.json'))).toBe(false);
  });

  it('names the command and the difference when the README is wrong, and leaves nothing running', async () => {
    await expect(run({ commands: ["echo '{}'"], expected: json('{"id":7}') })).rejects.toMatchObject({
      message: "The README is wrong about: echo '{}'\n.id is undefined instead of 7",
    });
    expect(existsSync(join(folder, 'dev.json'))).toBe(false);
  });

  it('stops at a command that fails, with what it said', async () => {
    await expect(
      run({ commands: ['echo before; false', 'touch reached'], expected: null }),
    ).rejects.toMatchObject({ message: expect.stringMatching(/exit code 1\): echo before; false\nbefore/) });
    expect(existsSync(join(folder, 'reached'))).toBe(false);
    await expect(run({ commands: ['false | true'], expected: null })).rejects.toMatchObject({
      code: 'service-failed',
    });
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the shell
    await expect(run({ commands: ['echo ${nobody_has_set_this}'], expected: null })).rejects.toMatchObject({
      code: 'service-failed',
    });
  });

  it('asks a read again until it is as written, because replicas are eventually consistent', async () => {
    // A curl of our own that answers rightly the second time.
    const curl = `curl() { if [ -e asked ]; then echo '[1]'; else touch asked; echo '[]'; fi; }`;
    const printed = await run(
      { commands: [curl], expected: null },
      { commands: ['curl -s x'], expected: json('[1]') },
    );
    expect(printed).toContain('# not yet as written: the value has 0 elements instead of 1\n');
  });

  it.each([
    ['changes something', 'curl -X POST x'],
    ['brings a token along, and is owed the write at once', 'curl -s x -H "Consistency-Token: t"'],
    ['brings its cookies along', 'curl -s -c jar -b jar x'],
  ])('does not ask twice what %s', async (_, command) => {
    const curl = `curl() { echo x >> asked; wc -l < asked; }`;
    await expect(
      run({ commands: [curl], expected: null }, { commands: [command], expected: json('2') }),
    ).rejects.toMatchObject({ message: expect.stringContaining('is 1 instead of 2') });
  });

  it('says when the first command ends instead of getting ready', async () => {
    const steps: readonly QuickStartStep[] = [{ commands: ['echo no; exit 3'], expected: null }];
    await expect(
      runQuickStart({
        steps,
        workingDir: folder,
        dataDir: folder,
        environment: process.env,
        print: () => undefined,
        signal: new AbortController().signal,
      }),
    ).rejects.toMatchObject({
      message: expect.stringContaining('it ended (exit code 3) before it was ready'),
    });
  });
});
