/**
 * What is counted and logged of balancing, the same in every service that balances.
 */
import type { Logger, Metrics } from '@dbsync/service-kit';
import type { BalancedClientObserver } from './balanced-client.ts';

/** Makes the observer; adds its counters to the service's metrics. */
export function balancingObserver(options: { metrics: Metrics; logger: Logger }): BalancedClientObserver {
  const { metrics, logger } = options;
  const passedOver = metrics.counter({
    name: 'dbsync_order_replicas_passed_over_total',
    help: 'Order replicas that did not answer a request when it was their turn.',
    labelNames: ['replica'],
  });
  const opened = metrics.counter({
    name: 'dbsync_breaker_opened_total',
    help: 'Order replicas that were taken out of balance because they failed several times in a row.',
  });
  return {
    passedOver: ({ replicaId }, reason) => {
      passedOver.inc({ replica: replicaId });
      logger.debug({ replicaId, reason }, 'an order replica is passed over');
    },
    breakerChanged: ({ url }, isClosed) => {
      if (isClosed) return logger.info({ url }, 'an order replica answers again and takes its turns');
      opened.inc();
      logger.warn(
        { url },
        'an order replica failed several times in a row and is not asked until it is ready',
      );
    },
  };
}
