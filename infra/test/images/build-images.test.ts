import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildImages } from '../../src/images/build-images.ts';
import { imageVersion, serviceImage } from '../../src/images/image-names.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dbsync-images-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Builds with a docker command that notes what it is called for; `fails` are the words that it fails on. */
async function build(
  tag: string | undefined,
  fails = 'nothing',
): Promise<{ calls: string[]; printed: string[] }> {
  const printed: string[] = [];
  const docker = join(folder, 'docker');
  writeFileSync(
    docker,
    `#!/bin/sh\necho "$*" >>${folder}/calls\ncase "$*" in ${fails}*) echo no space; exit 1;; esac\n`,
  );
  chmodSync(docker, 0o755);
  const environment = { ...process.env, PATH: `${folder}:${process.env.PATH}` };
  await buildImages({ base: 'public', tag, environment, print: (line) => printed.push(line) });
  return { calls: readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n'), printed };
}

describe('building the images', () => {
  it('on the public ones is one build that is told version and revision, and gives it the further name', async () => {
    const { calls, printed } = await build('mine/service:2');
    expect(calls).toHaveLength(3);
    expect(calls[1]).toMatch(
      new RegExp(
        `^build --tag ${serviceImage} .*--build-arg VERSION=${imageVersion} --build-arg REVISION=[0-9a-f]{40} `,
      ),
    );
    expect(calls[2]).toBe(`tag ${serviceImage} mine/service:2`);
    expect(printed.at(-1)).toMatch(new RegExp(`^${serviceImage}: [\\d.]+ s$`));
  });

  it('gives no further name unless it is asked to', async () => {
    expect((await build(undefined)).calls.map((call) => call.split(' ')[0])).toEqual(['version', 'build']);
  });

  it('says what to do without an engine, and what docker said of a build that failed', async () => {
    await expect(build(undefined, 'version')).rejects.toMatchObject({ code: 'no-broker' });
    await expect(build(undefined, 'build')).rejects.toThrow('could not be built (ended):\nno space');
  });
});
