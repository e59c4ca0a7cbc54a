import { describe, expect, it } from 'vitest';
import { createLogger } from '../src/index.ts';

function logged(
  write: (logger: ReturnType<typeof createLogger>) => void,
  level = 'info',
): Record<string, unknown>[] {
  const lines: string[] = [];
  const logger = createLogger({
    name: 'order-1',
    level,
    destination: { write: (line) => void lines.push(line) },
  });
  write(logger);
  return lines.map((line) => JSON.parse(line));
}

describe('createLogger', () => {
  it('writes ISO time, the level as a word, the name and the message', () => {
    const [entry] = logged((logger) => logger.warn({ lagMs: 5 }, 'behind'));
    expect(entry).toMatchObject({ level: 'warn', name: 'order-1', lagMs: 5, msg: 'behind' });
    expect(entry?.time).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    expect(Object.keys(entry ?? {}).sort()).toEqual(['lagMs', 'level', 'msg', 'name', 'time']);
  });

  it('leaves out what is below its level', () => {
    expect(logged((logger) => logger.info('quiet'), 'warn')).toEqual([]);
    expect(logged((logger) => logger.fatal('quiet'), 'silent')).toEqual([]);
  });

  it('hides passwords, secrets and authorization down to two levels', () => {
    const fields = {
      password: 'hunter-2',
      config: { secret: 'hunter-2' },
      req: { headers: { authorization: 'hunter-2' } },
    };
    expect(JSON.stringify(logged((logger) => logger.info(fields, 'x')))).not.toContain('hunter-2');
  });
});
