import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ChildrenFile } from '../../src/cluster/children-file.ts';
import { openDataDirectory } from '../../src/cluster/data-directory.ts';
import { startGuardian } from '../../src/cluster/guardian.ts';
import { identifyProcess } from '../../src/process/process-identity.ts';

let dataDir: string;
beforeEach(() => {
  dataDir = join(mkdtempSync(join(tmpdir(), 'dbsync-test-')), 'data');
});
afterEach(() => rmSync(join(dataDir, '..'), { recursive: true }));

/** A supervisor of one idle child, as a process of its own. Prints the child's pid. */
const supervisor = (root: string): string => `
import { ChildrenFile } from '${root}/cluster/children-file.ts';
import { openDataDirectory } from '${root}/cluster/data-directory.ts';
import { startGuardian } from '${root}/cluster/guardian.ts';
import { spawn } from 'node:child_process';
const directory = openDataDirectory(process.argv[2]);
startGuardian({ dataDir: directory.path, environment: process.env });
const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore' });
new ChildrenFile(directory.childrenFile).record('order-1', child.pid);
console.log(child.pid);
`;

describe('the guardian', () => {
  it('ends what a killed supervisor leaves behind, and then itself', async () => {
    const program = join(dataDir, '..', 'supervisor.mts');
    writeFileSync(program, supervisor(new URL('../../src', import.meta.url).pathname));
    const process_ = spawn(process.execPath, [program, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [chunk] = await once(process_.stdout, 'data');
    const child = Number(String(chunk));
    expect(identifyProcess(child)).not.toBeNull();
    process_.kill('SIGKILL');
    await expect.poll(() => identifyProcess(child), { timeout: 20_000 }).toBeNull();
    await expect.poll(() => existsSync(join(dataDir, 'children.json')), { timeout: 20_000 }).toBe(false);
  });

  it('leaves in peace what its supervisor has ended, and goes when it is dismissed', async () => {
    const directory = openDataDirectory(dataDir);
    const guardian = startGuardian({ dataDir, environment: process.env });
    const file = new ChildrenFile(directory.childrenFile);
    file.record('itself', process.pid);
    file.remove();
    await guardian.dismiss();
    expect(identifyProcess(process.pid)).not.toBeNull();
  });
});
