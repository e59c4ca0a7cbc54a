/**
 * The departure of a replica: publish what can be published, leave the log, close the database, give the lock back.
 *
 * In this order, and each part within a limit: a broker that hangs is not waited for longer than a few seconds, and
 * the lock goes last, so that nobody opens the file before it is closed.
 */
import { stopped } from './admission.ts';
import type { Publisher } from './publisher.ts';
import type { ReplicaParts } from './replica-parts.ts';
import type { Clock } from './surroundings.ts';

/** How long leaving the log may take, in milliseconds. */
const LEAVE_MS = 3000;

/** Time between two looks whether everything is published, in milliseconds. */
const DRAIN_LOOK_MS = 10;

/** Takes the parts of a replica apart. Once. */
export async function depart(parts: ReplicaParts, clock: Clock): Promise<void> {
  const { arrivals, commits, database, flow, limits, lock, writer } = parts;
  arrivals.giveUp();
  parts.scrub.stop();
  await Promise.all([parts.scrubbing.stop(), parts.recovering.stop()]);
  if (flow) {
    await drain(flow.publisher, { clock, limitMs: limits.drainMs });
    const leaving = [flow.announcer.stop(), flow.repairing.stop(), flow.linking.stop(), flow.link.stop()];
    await within(LEAVE_MS, { clock, ending: Promise.all(leaving) });
    flow.publisher.stop();
    await within(LEAVE_MS, { clock, ending: flow.publishing.stop() });
  }
  writer.close(stopped());
  await commits.stop();
  await database.close();
  await lock.release();
}

async function drain(
  publisher: Publisher,
  { clock, limitMs }: { clock: Clock; limitMs: number },
): Promise<void> {
  const deadline = clock.monotonic() + limitMs;
  while (publisher.isLogReachable && publisher.unacknowledged() > 0 && clock.monotonic() < deadline) {
    await new Promise<void>((resolve) => clock.after(DRAIN_LOOK_MS, resolve));
  }
}

/** Waits for `ending`, but not longer than `limitMs`. */
async function within(
  limitMs: number,
  { clock, ending }: { clock: Clock; ending: Promise<unknown> },
): Promise<void> {
  let cancel = (): void => undefined;
  const late = new Promise<void>((resolve) => {
    cancel = clock.after(limitMs, resolve);
  });
  await Promise.race([ending, late]);
  cancel();
}
