/**
 * `pnpm demo`: the story in the terminal. Exit 0 only if it came out as told.
 */
import { describeClusterWith, errorText, Interruption, killLivingChildren, runDemo } from '@dbsync/infra';

const interruption = new Interruption();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(name, () => interruption.interrupt(name));
process.on('exit', killLivingChildren);

runDemo({
  environment: process.env,
  describeCluster: describeClusterWith({}),
  interruption,
  print: (line) => process.stdout.write(`${line}\n`),
}).then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${errorText(error)}\n`);
    process.exit(1);
  },
);
