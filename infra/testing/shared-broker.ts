/**
 * The broker that all integration tests of a run share; vitest starts it before and stops it after them.
 *
 * A test gets its address with `inject('sharedBroker')` and keeps to topics with a prefix of its own. Who wants
 * to kill a broker starts a private one (`test-broker.ts`).
 */
import type { TestProject } from 'vitest/node';
import { killLivingChildren } from '../src/index.ts';
import { useLeanJava } from './lean-java.ts';
import { startTestBroker } from './test-broker.ts';

declare module 'vitest' {
  interface ProvidedContext {
    sharedBroker: { readonly bootstrap: string; readonly kind: 'external' | 'docker' | 'java' };
  }
}

/** Called by vitest; the returned function is its teardown. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  process.once('exit', killLivingChildren);
  // Of this process, and of all that run tests.
  await useLeanJava(process.env);
  const { broker, stop } = await startTestBroker({ mayBeExternal: true });
  project.provide('sharedBroker', { bootstrap: broker.bootstrap, kind: broker.kind });
  return stop;
}
