/**
 * The options of `pnpm images`.
 */
import { parseArgs } from 'node:util';
import { InfraError } from '../infra-error.ts';

/** `public`: images that are pulled. `debian`: made from this machine's packages. `auto`: the first that works. */
export type RequestedBase = 'auto' | 'public' | 'debian';

/** What to build. */
export interface ImageOptions {
  readonly base: RequestedBase;
  /** Further name of the service image, for trying out an upgrade. */
  readonly tag: string | undefined;
}

/** The help text. */
export const imagesHelp = `pnpm images: builds the image of the services

  --base auto|public|debian   what it stands on (default auto)
                              public: the images that node and apache/kafka publish
                              debian: made by debootstrap from the mirror that apt uses, with Kafka from
                                      its jars; for machines that reach no image registry (root, Debian)
  --tag NAME                  a further name for the image of the services`;

/** Reads them. @throws `bad-usage` with what is wrong. */
export function readImageOptions(args: readonly string[]): ImageOptions {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { base: { type: 'string', default: 'auto' }, tag: { type: 'string' } },
    });
    const base = (['auto', 'public', 'debian'] as const).find((known) => known === values.base);
    if (base === undefined) throw new Error(`--base ${values.base}: expected auto, public or debian`);
    return { base, tag: values.tag };
  } catch (error) {
    throw new InfraError({
      code: 'bad-usage',
      message: error instanceof Error ? error.message : String(error),
      hint: 'See pnpm images --help.',
    });
  }
}
