/**
 * Kinds of tests, told apart by their suffix:
 * `*.test.ts` needs nothing but Node and runs in seconds, and so does `*.mocking.test.ts`, which puts something in the
 * place of a module or of the clock and therefore has modules of its own; `*.simulation.test.ts` runs simulated histories for minutes,
 * without a broker; `*.integration.test.ts` needs a broker (one is started for the whole run), `*.container.test.ts` needs a Docker engine, and `*.long.container.test.ts` needs more
 * time than every run of CI can spend.
 */
import { defineConfig } from 'vitest/config';

const packages = ['services/*', 'shared/*', 'infra', 'scripts'];
const { TEST_DOCKER_HOST } = process.env;
/** CI has an engine for these tests alone: all others run as they do on a machine without Docker. */
const onContainers = {
  hookTimeout: 300_000,
  ...(TEST_DOCKER_HOST === undefined ? {} : { env: { DOCKER_HOST: TEST_DOCKER_HOST } }),
};
const files = (suffix: string): string[] => packages.map((folder) => `${folder}/test/**/*${suffix}`);

export default defineConfig({
  test: {
    // Most tests wait for sockets and disks, not for the processor: more of them than cores may run.
    maxWorkers: 3,
    projects: [
      {
        test: {
          name: 'fast',
          include: files('.test.ts'),
          exclude: [
            ...files('.mocking.test.ts'),
            ...files('.simulation.test.ts'),
            ...files('.integration.test.ts'),
            ...files('.container.test.ts'),
          ],
          pool: 'forks',
          // Loading kafkajs, knex and zod anew for each file costs a third of the time.
          isolate: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'mocking',
          include: files('.mocking.test.ts'),
          pool: 'forks',
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'simulation',
          include: files('.simulation.test.ts'),
          pool: 'forks',
          // Everything else may go first.
          testTimeout: 1_200_000,
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
          ...onContainers,
          name: 'container',
          pool: 'forks',
          fileParallelism: false,
          include: files('.container.test.ts'),
          exclude: files('.long.container.test.ts'),
          testTimeout: 180_000,
        },
      },
      {
        test: {
          ...onContainers,
          name: 'container-long',
          pool: 'forks',
          fileParallelism: false,
          include: files('.long.container.test.ts'),
          testTimeout: 480_000,
        },
      },
    ],
  },
});
