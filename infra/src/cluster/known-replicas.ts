/**
 * How many order replicas a service knows: what `ready` means for somebody who reads through it.
 *
 * Replicas announce themselves, and only their second beat counts, so this comes a moment after all are ready.
 */
import { InfraError } from '../infra-error.ts';
import { type Look, waitFor } from '../process/wait-for.ts';

/** How long it may take to hear of everybody. */
const heardTimeoutMs = 20_000;

/**
 * Waits until the service `name` at `url` takes turns between `replicas` of them, and says in words what is
 * missing when that takes too long: it hears of them later, too. @throws `stopped` when called off.
 */
export async function replicasKnown(options: {
  name: string;
  url: string;
  replicas: number;
  signal?: AbortSignal | undefined;
  onProgress: (sentence: string) => void;
}): Promise<string | null> {
  const { onProgress, signal } = options;
  const what = `the ${options.name} to hear of ${options.replicas} order replicas`;
  try {
    await waitFor({ what, timeoutMs: heardTimeoutMs, signal, onProgress, look: () => look(options) });
    return null;
  } catch (error) {
    if (error instanceof InfraError && error.code !== 'stopped') return error.message;
    throw error;
  }
}

async function look({ url, replicas }: { url: string; replicas: number }): Promise<Look<true>> {
  try {
    const answer = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(2000) });
    const found = /^dbsync_order_replicas(?:\{[^}]*\})? (\d+)$/m.exec(await answer.text());
    const known = Number(found?.[1] ?? 0);
    return known >= replicas ? { found: true } : { missing: `it knows ${known}` };
  } catch {
    return { missing: 'it does not answer' };
  }
}
