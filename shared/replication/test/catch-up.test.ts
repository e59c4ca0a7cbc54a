import { describe, expect, it } from 'vitest';
import { CatchUp } from '../src/catch-up.ts';

function catchUp(): { catchUp: CatchUp; read(partition: number, next: number): void } {
  const positions = new Map<number, number>();
  return {
    catchUp: new CatchUp((partition) => positions.get(partition) ?? 0),
    read: (partition, next) => void positions.set(partition, next),
  };
}

const ends = (...offsets: readonly number[]) => offsets.map((end, partition) => ({ partition, low: 0, end }));

describe('catching up', () => {
  it('ends once, when every partition was read to where it ended at the beginning', () => {
    const { catchUp: catching, read } = catchUp();
    catching.begin(ends(3, 1));
    read(0, 3);
    expect(catching.ends()).toBe(false);
    expect(catching.hasEverEnded).toBe(false);
    catching.saw(ends(9, 9));
    read(1, 1);
    expect(catching.ends()).toBe(true);
    expect(catching.ends()).toBe(false);
    expect(catching.hasEverEnded).toBe(true);
  });

  it('does not wait for what the log lost before it was read: it would wait for ever', () => {
    const { catchUp: catching, read } = catchUp();
    catching.begin(ends(30, 5));
    catching.saw(ends(2, 7));
    read(0, 2);
    expect(catching.ends()).toBe(false);
    read(1, 5);
    expect(catching.ends()).toBe(true);
  });
});
