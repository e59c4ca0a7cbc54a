/**
 * `pnpm images`: builds the image of the services, and of Kafka where the official one cannot be pulled.
 */
import { buildImages, errorText, InfraError, imagesHelp, readImageOptions } from '@dbsync/infra';

const args = process.argv.slice(2).filter((arg) => arg !== '--');
const print = (line: string): void => void process.stdout.write(`${line}\n`);

try {
  if (args.includes('--help')) print(imagesHelp);
  else await buildImages({ ...readImageOptions(args), environment: process.env, print });
} catch (error) {
  process.stderr.write(`${errorText(error)}\n`);
  process.exitCode = error instanceof InfraError && error.code === 'bad-usage' ? 2 : 1;
}
