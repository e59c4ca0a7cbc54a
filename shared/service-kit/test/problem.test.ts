import { describe, expect, it } from 'vitest';
import { Problem } from '../src/index.ts';

describe('Problem', () => {
  it('has the phrase of its status as title and about:blank as type, unless told otherwise', () => {
    expect(new Problem({ status: 507, detail: 'Full.' }).toDetails('/x')).toEqual({
      type: 'about:blank',
      title: 'Insufficient Storage',
      status: 507,
      detail: 'Full.',
      instance: '/x',
    });
    const own = new Problem({
      status: 409,
      type: '/problems/taken',
      title: 'Taken',
      detail: 'Taken.',
      errors: [],
    });
    expect(own.toDetails('/x')).toMatchObject({ type: '/problems/taken', title: 'Taken', errors: [] });
  });
});
