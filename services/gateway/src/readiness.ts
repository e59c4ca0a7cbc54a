/**
 * Whether the gateway may take traffic: not before it has heard of an order replica that may serve, because until
 * then it could answer for orders with 503 alone.
 *
 *   started -> a replica that may serve is known, or the time is over -> ready, for good
 *
 * It does not wait for ever: users are served without order replicas, and whoever asks for orders is told to come
 * again. For the same reason replicas that go away later do not take the readiness back.
 */
import type { Readiness } from '@dbsync/service-kit';

/** Longest wait for the first replica; they announce themselves once a second. */
const FIRST_REPLICA_MS = 5_000;

/** Makes the answer to `/readyz`; the time begins now. */
export function gatewayReadiness(hasReplica: () => boolean): () => Readiness {
  const giveUpAt = performance.now() + FIRST_REPLICA_MS;
  let isReady = false;
  return () => {
    isReady ||= hasReplica() || performance.now() >= giveUpAt;
    return isReady
      ? { ready: true, reasons: [] }
      : { ready: false, reasons: ['no order replica that may serve is known yet'] };
  };
}
