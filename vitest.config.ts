/**
 * Three kinds of tests, told apart by their suffix:
 * `*.test.ts` needs nothing but Node and runs in seconds, `*.integration.test.ts` needs a broker (one is
 * started for the whole run), `*.container.test.ts` needs a Docker engine.
 */
import { defineConfig } from 'vitest/config';

const packages = ['services/*', 'shared/*', 'infra', 'scripts'];
const files = (suffix: string): string[] => packages.map((folder) => `${folder}/test/**/*${suffix}`);

export default defineConfig({
  test: {
    // Most tests wait for sockets and disks, not for the processor: more of them than cores may run.
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: 'fast',
          include: files('.test.ts'),
          exclude: [...files('.integration.test.ts'), ...files('.container.test.ts')],
          pool: 'forks',
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: files('.integration.test.ts'),
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 180_000,
          globalSetup: ['./infra/testing/shared-broker.ts'],
        },
      },
      {
        test: {
          name: 'container',
          include: files('.container.test.ts'),
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
