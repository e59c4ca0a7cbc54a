/**
 * Runs a service as a process: the only place with signals and exit codes.
 *
 * starting -> running -> stopping -> gone. Exit codes: 0 stopped as asked, 1 failed (to start, to run, or to
 * stop in time), 2 bad configuration, 130 a signal was repeated by somebody who does not want to wait.
 * What starting and stopping mean is the business of the service's app.
 */
import { ConfigurationError } from './environment.ts';
import { createLogger } from './logger.ts';

export interface RunOptions {
  /** The service's name, for log lines of the runner itself. */
  name: string;
  /** Starts the service; resolves when it is reachable. */
  start: () => Promise<{ stop(): Promise<void> }>;
  /** How long `stop` may take before the process ends without it, 10000 by default. */
  stopDeadlineMs?: number;
}

/**
 * Starts the service and stays until it is told to stop (SIGTERM, SIGINT) or fails. Call it once, in main.
 *
 * A signal during the start waits for the start, so that nothing half-made is left. Ctrl-C in a terminal reaches
 * every process of the group, and a supervisor's SIGTERM may follow: only the same signal a second time counts
 * as "at once".
 */
export function runService(options: RunOptions): void {
  const logger = createLogger({ name: options.name, level: 'info' });
  const stopDeadlineMs = options.stopDeadlineMs ?? 10_000;
  const seen = new Set<NodeJS.Signals>();

  const fail = (err: unknown, message: string): never => {
    try {
      logger.fatal({ err }, message);
    } finally {
      process.exit(1);
    }
  };

  process.on('uncaughtException', (error) => fail(error, 'an error that nobody handled'));
  process.on('unhandledRejection', (error) => fail(error, 'a rejection that nobody handled'));

  const running = Promise.resolve().then(options.start);
  running.catch((error: unknown) => {
    if (error instanceof ConfigurationError) {
      process.stderr.write(`${options.name}: ${error.message}\n`);
      process.exit(2);
    }
    fail(error, 'the start failed');
  });

  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    logger.info({ signal }, 'stopping');
    // Not unref'd: a stop that waits for nothing at all must not pass for a clean exit.
    setTimeout(() => fail(undefined, `not stopped within ${stopDeadlineMs} ms; giving up`), stopDeadlineMs);
    try {
      await (await running).stop();
    } catch (error) {
      fail(error, 'the stop failed');
    }
    logger.info('stopped');
    process.exit(0);
  };

  const onSignal = (signal: NodeJS.Signals): void => {
    if (seen.has(signal)) process.exit(130);
    seen.add(signal);
    if (seen.size === 1) void stop(signal);
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}
