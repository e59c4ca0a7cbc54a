/**
 * One run of `pnpm dev`: start everything, tell, answer keys, and take everything down when asked.
 *
 * starting -> running -> stopping -> over. Returns the exit code: 0 stopped as asked (also during the start),
 * 1 failed, 2 wrong usage, 130 stopped at once. Signals are the entry file's to bring in.
 */
import type { DescribeCluster } from '../broker/broker.ts';
import { Cluster } from '../cluster/cluster.ts';
import type { ServiceScripts } from '../cluster/cluster-options.ts';
import type { Environment } from '../cluster/service-environment.ts';
import { errorText, InfraError } from '../infra-error.ts';
import { runCommand } from '../process/run-command.ts';
import { bannerText, keysLine, readyLine } from './banner.ts';
import type { DevOptions } from './dev-options.ts';
import type { Interruption } from './interruption.ts';
import { type KeyInput, listenToKeys } from './keys.ts';
import type { LogPrinter } from './log-printer.ts';

const verifyTimeoutMs = 120_000;

/** What one run needs. */
export interface DevSessionOptions {
  readonly options: DevOptions;
  readonly environment: Environment;
  readonly workingDir: string;
  readonly printer: LogPrinter;
  readonly interruption: Interruption;
  /** Null where there is no terminal to press keys in. */
  readonly keys: KeyInput | null;
  readonly describeCluster: DescribeCluster;
  /** The program behind the key `v`; it gets `--data-dir DIR`. */
  readonly verifyScript: string;
  /** Default: the services of this repository. */
  readonly scripts?: ServiceScripts;
}

/** Runs until it is told to end; never throws. */
export async function runDev(session: DevSessionOptions): Promise<number> {
  const { printer, interruption } = session;
  // Keys from the first moment on: Ctrl-C must also end a start.
  const running: { cluster: Cluster | null } = { cluster: null };
  const closeKeys =
    session.keys === null ? () => undefined : openKeys(session, session.keys, () => running.cluster);
  try {
    const cluster = await startCluster(session);
    running.cluster = cluster;
    announce(session, cluster);
    await aborted(interruption.stop);
    printer.report({ level: 'info', message: `stopping: ${String(interruption.stop.reason)}` });
    await cluster.stop();
    printer.report({ level: 'info', message: 'everything is down' });
    return interruption.kill.aborted ? 130 : 0;
  } catch (error) {
    if (interruption.kill.aborted) return 130;
    if (error instanceof InfraError && error.code === 'stopped' && interruption.stop.aborted) {
      printer.report({ level: 'info', message: 'stopped during the start; everything is down' });
      return 0;
    }
    printer.report({ level: 'error', message: errorText(error) });
    return error instanceof InfraError && error.code === 'bad-usage' ? 2 : 1;
  } finally {
    closeKeys();
  }
}

function startCluster(session: DevSessionOptions): Promise<Cluster> {
  const { options, printer, interruption } = session;
  return Cluster.start({
    dataDir: options.dataDir,
    topology: options.topology,
    broker: options.broker,
    ports: options.ports,
    replicas: options.replicas,
    isFresh: options.isFresh,
    isRestarting: options.isRestarting,
    topicPrefix: options.topicPrefix,
    logLevel: session.environment.LOG_LEVEL || 'info',
    environment: session.environment,
    describeCluster: session.describeCluster,
    ...(session.scripts === undefined ? {} : { scripts: session.scripts }),
    onLine: (line) => printer.line(line),
    onReport: (report) => printer.report(report),
    signal: interruption.stop,
    killSignal: interruption.kill,
  });
}

function announce(session: DevSessionOptions, cluster: Cluster): void {
  const { options, printer, workingDir } = session;
  const elapsedMs = performance.now();
  if (options.isJson) {
    printer.report({ level: 'info', message: readyLine(elapsedMs) }, cluster.describe());
    return;
  }
  const hasKeys = session.keys !== null;
  printer.text(bannerText({ elapsedMs, cluster, dataDir: options.dataDir, workingDir, hasKeys }));
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Wires the keys; before everything is ready only Ctrl-C and q do something. */
function openKeys(session: DevSessionOptions, input: KeyInput, cluster: () => Cluster | null): () => void {
  const { printer, interruption } = session;
  const say = (message: string): void => printer.report({ level: 'info', message });
  let isVerifying = false;
  const act = (what: string, action: (cluster: Cluster) => Promise<unknown>): void => {
    const running = cluster();
    if (running === null || interruption.stop.aborted) return;
    say(what);
    action(running).catch((error: unknown) => printer.report({ level: 'error', message: errorText(error) }));
  };
  const verify = async (): Promise<void> => {
    if (isVerifying) return;
    isVerifying = true;
    const args = [session.verifyScript, '--data-dir', session.options.dataDir];
    const onLine = (line: string): void => printer.line({ source: 'verify', stream: 'stdout', text: line });
    await runCommand({ command: process.execPath, args, timeoutMs: verifyTimeoutMs, onLine });
    isVerifying = false;
  };
  return listenToKeys(input, {
    help: () => say(`keys: ${keysLine}`),
    ask: say,
    quit: () => interruption.end('the key q'),
    interrupt: () => interruption.interrupt('Ctrl-C'),
    verify: () => act('verifying', verify),
    add: () =>
      act('adding a replica', async (running) => {
        const added = await running.addReplica();
        say(`${added.name} is ready at ${added.url}`);
      }),
    kill: (number) =>
      act(`kill -9 order-${number}`, async (running) => running.service(`order-${number}`).kill('SIGKILL')),
    restart: (number) =>
      act(`restarting order-${number}`, (running) => running.service(`order-${number}`).restart()),
  });
}
