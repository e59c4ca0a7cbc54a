/**
 * `pnpm dev`: everything up, until Ctrl-C. What it does is in infra/src/dev; this file brings in the process:
 * arguments, environment, terminal, signals, exit code.
 */
import { fileURLToPath } from 'node:url';
import {
  describeClusterWith,
  devHelp,
  errorText,
  Interruption,
  isChainAlive,
  killLivingChildren,
  LogPrinter,
  packageManagerChain,
  readDevOptions,
  runDev,
  watchParent,
} from '@dbsync/infra';

async function main(): Promise<number> {
  const options = readDevOptions(process.argv.slice(2));
  if (options.isHelp) {
    process.stdout.write(`${devHelp}\n`);
    return 0;
  }
  const interruption = new Interruption();
  process.on('SIGINT', () => interruption.interrupt('Ctrl-C'));
  process.on('SIGTERM', () => interruption.interrupt('SIGTERM'));
  process.on('SIGHUP', () => interruption.end('the terminal was closed'));
  const chain = packageManagerChain(process.pid);
  watchParent({
    parentOf: () => process.ppid,
    isChainAlive: () => isChainAlive(chain),
    onEnd: () => interruption.end('the parent process has ended'),
  });
  // Whatever happens to this process short of SIGKILL, it leaves nobody behind.
  process.on('exit', killLivingChildren);
  return runDev({
    options,
    environment: process.env,
    workingDir: process.cwd(),
    printer: new LogPrinter({
      output: process.stdout,
      isJson: options.isJson,
      isColourUnwanted: Boolean(process.env.NO_COLOR),
    }),
    interruption,
    keys: process.stdin.isTTY && process.stdout.isTTY && !options.isJson ? process.stdin : null,
    describeCluster: describeClusterWith(process.env),
    verifyScript: fileURLToPath(new URL('verify.ts', import.meta.url)),
  });
}

main().then(
  (exitCode) => process.exit(exitCode),
  (error: unknown) => {
    process.stderr.write(`${errorText(error)}\n`);
    process.exit(2);
  },
);
