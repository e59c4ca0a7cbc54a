import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { devHelp, readDevOptions } from '../../src/dev/dev-options.ts';

describe('the options of pnpm dev', () => {
  it('have the defaults of the contract', () => {
    expect(readDevOptions([])).toEqual({
      isHelp: false,
      replicas: undefined,
      topology: 'kafka',
      broker: 'auto',
      ports: { kafka: 9092, order: 60_001, user: 50_001, gateway: 8000 },
      dataDir: resolve('.data'),
      topicPrefix: undefined,
      isFresh: false,
      isJson: false,
      isRestarting: true,
    });
  });

  it('are read in every form, also behind two dashes', () => {
    const args = '-- --replicas 3 --topology=isolated --broker java --kafka-port 19092 --order-port 6001';
    const more =
      '--user-port 5001 --gateway-port 8001 --data-dir /data --fresh --json --no-restart --topic-prefix my.';
    expect(readDevOptions(`${args} ${more}`.split(' '))).toEqual({
      isHelp: false,
      replicas: 3,
      topology: 'isolated',
      broker: 'java',
      ports: { kafka: 19_092, order: 6001, user: 5001, gateway: 8001 },
      dataDir: '/data',
      topicPrefix: 'my.',
      isFresh: true,
      isJson: true,
      isRestarting: false,
    });
  });

  it.each([
    [['--replics', '3'], "Unknown option '--replics'."],
    [['--replicas'], "Option '--replicas <value>' argument missing."],
    [['--fresh=yes'], "Option '--fresh' does not take an argument."],
    [['start'], "Unexpected argument 'start'."],
    [['--replicas', '0'], "--replicas '0' is no whole number from 1 to 32."],
    [['--replicas', '33'], "--replicas '33' is no whole number from 1 to 32."],
    [['--replicas', '2.5'], "--replicas '2.5' is no whole number from 1 to 32."],
    [['--replicas', ''], "--replicas '' is no whole number from 1 to 32."],
    [['--order-port', '65536'], "--order-port '65536' is no whole number from 1 to 65535."],
    [['--gateway-port', '-1'], undefined],
    [['--topology', 'connect'], '--topology connect is not built yet.'],
    [['--topology', 'mesh'], "--topology 'mesh' is unknown."],
    [['--broker', 'kafka'], "--broker 'kafka' is unknown."],
    [['--topic-prefix', 'a b'], "--topic-prefix 'a b' cannot begin the name of a topic."],
    [['--data-dir', ''], '--data-dir is empty.'],
  ])('refuse %j by name', (args, message) => {
    expect(() => readDevOptions(args)).toThrow(
      expect.objectContaining({ code: 'bad-usage', ...(message === undefined ? {} : { message }) }),
    );
  });

  it('say what is possible when a value is refused', () => {
    expect(() => readDevOptions(['--topology', 'connect'])).toThrow(
      expect.objectContaining({ hint: 'Possible are kafka, isolated, shared-db.' }),
    );
    expect(() => readDevOptions(['--broker', 'x'])).toThrow(
      expect.objectContaining({ hint: 'Possible are auto, external, docker, java.' }),
    );
  });

  it('are all in the help text', () => {
    const names = devHelp.match(/^ {2}--[a-z-]+/gm)?.map((name) => name.trim());
    expect(names?.toSorted()).toEqual(
      [
        '--broker',
        '--data-dir',
        '--fresh',
        '--gateway-port',
        '--help',
        '--json',
        '--kafka-port',
        '--no-restart',
        '--order-port',
        '--replicas',
        '--topic-prefix',
        '--topology',
        '--user-port',
      ].toSorted(),
    );
    expect(readDevOptions(['--help']).isHelp).toBe(true);
  });
});
