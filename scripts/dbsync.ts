/**
 * `pnpm dbsync`: the operator's commands. What they do is in infra/src/operate.
 */
import { errorText, InfraError, operate } from '@dbsync/infra';

operate(process.argv.slice(2), (line) => process.stdout.write(`${line}\n`)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`${errorText(error)}\n`);
    process.exitCode = error instanceof InfraError && error.code === 'bad-usage' ? 2 : 1;
  },
);
