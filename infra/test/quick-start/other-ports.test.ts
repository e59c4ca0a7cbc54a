import { describe, expect, it } from 'vitest';
import { moveQuickStart } from '../../src/quick-start/other-ports.ts';

const steps = [
  { commands: ['npx pnpm dev'], expected: null },
  {
    commands: [
      'curl http://127.0.0.1:60002/orders?limit=100',
      `node -p 'require("./.data/dev.json").pid'`,
      'npx pnpm verify --deep',
    ],
    expected: { kind: 'text', text: 'order-1 http://127.0.0.1:60001, users 50001, Kafka 9092, 160001 rows' },
  },
] as const;

describe('the quick start in another place', () => {
  it('has the ports replaced everywhere and tells our commands the data directory', () => {
    expect(
      moveQuickStart(steps, { dataDir: "/tmp/it's", kafkaPort: 1092, orderPort: 2001, userPort: 3001 }),
    ).toEqual([
      {
        commands: [
          "npx pnpm dev --kafka-port 1092 --order-port 2001 --user-port 3001 --data-dir '/tmp/it'\\''s'",
        ],
        expected: null,
      },
      {
        commands: [
          'curl http://127.0.0.1:2002/orders?limit=100',
          `node -p 'require("/tmp/it'\\''s/dev.json").pid'`,
          "npx pnpm verify --deep --data-dir '/tmp/it'\\''s'",
        ],
        expected: {
          kind: 'text',
          text: 'order-1 http://127.0.0.1:2001, users 3001, Kafka 1092, 160001 rows',
        },
      },
    ]);
  });

  it('keeps the ports that nobody wants elsewhere', () => {
    const [first, second] = moveQuickStart(steps, { dataDir: '/d' });
    expect(first?.commands).toEqual(["npx pnpm dev --data-dir '/d'"]);
    expect(second?.commands[0]).toBe(steps[1].commands[0]);
    expect(second?.expected).toEqual(steps[1].expected);
  });
});
