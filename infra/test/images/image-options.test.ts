import { describe, expect, it } from 'vitest';
import { imagesHelp, readImageOptions } from '../../src/images/image-options.ts';
import { InfraError } from '../../src/infra-error.ts';

describe('the options of pnpm images', () => {
  it('take the first base that works, and one name, unless told otherwise', () => {
    expect(readImageOptions([])).toEqual({ base: 'auto', tag: undefined });
    expect(readImageOptions(['--base', 'debian', '--tag=mine/service:2'])).toEqual({
      ...{ base: 'debian', tag: 'mine/service:2' },
    });
    expect(readImageOptions(['--base=public'])).toMatchObject({ base: 'public' });
  });

  it.each([
    [['--base', 'alpine'], '--base alpine: expected auto, public or debian'],
    [['--tags', 'x'], "Unknown option '--tags'"],
    [['--tag'], '--tag'],
    [['debian'], "Unexpected argument 'debian'"],
  ])('that are wrong are told, with the way to the help: %j', (args, what) => {
    expect(() => readImageOptions(args)).toThrow(InfraError);
    expect(() => readImageOptions(args)).toThrow(what);
    expect(() => readImageOptions(args)).toThrow(expect.objectContaining({ code: 'bad-usage' }));
  });

  it('are all in the help', () => {
    for (const option of ['--base auto|public|debian', '--tag NAME']) expect(imagesHelp).toContain(option);
  });
});
