import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const postgresFile = new URL('../../src/storage/postgres.ts', import.meta.url).href;

/** Leaves a database, which is away, during the first look at it. */
const program = `
  import { openPostgres } from '${postgresFile}';
  const postgres = openPostgres({
    url: 'postgres://orders:secret@127.0.0.1:1/postgres',
    name: 'order-1',
    schema: 'SELECT 1',
    logger: { info: () => undefined, warn: () => undefined },
  });
  await postgres.close();
  console.log(postgres.absence);
`;

describe('a database that is left while it is being looked at', () => {
  it('is not looked at again: nothing keeps the process', async () => {
    const args = ['--input-type=module', '--eval', program];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 15_000 });
    expect(stdout).toBe('it is being left\n');
  });
});
