/**
 * Tables of the tests: notes, and tags as a second one, to show that the library is generic.
 */
import { z } from 'zod';
import type { DatabaseDescription, TableDescription } from '../src/table.ts';

/** A table with one column of every kind. */
export const notes: TableDescription = {
  name: 'notes',
  columns: z.object({
    note_id: z.string().min(1).max(64),
    text: z.string().max(10_000),
    stars: z.int().min(0).max(5),
    weight: z.number().nullable(),
    created_at: z.iso.datetime(),
  }),
  primaryKey: 'note_id',
  createdAt: 'created_at',
  indexes: [['created_at', 'note_id']],
};

/** A second table that shares the origin's counter. */
export const tags: TableDescription = {
  name: 'tags',
  columns: z.object({ tag: z.string().max(40), created_at: z.iso.datetime() }),
  primaryKey: 'tag',
  createdAt: 'created_at',
};

/** Both. */
export const notesDatabase: DatabaseDescription = { name: 'notes', version: 1, tables: [notes, tags] };

/** What a newer build knows: notes with a column that came later, and a table that did. */
export const newerNotesDatabase: DatabaseDescription = {
  name: 'notes',
  version: 2,
  tables: [
    {
      ...notes,
      columns: notes.columns.extend({ colour: z.string().max(20).nullable() }),
      since: { colour: 2 },
    },
    tags,
    {
      name: 'links',
      columns: z.object({ link: z.string().max(40), created_at: z.iso.datetime() }),
      primaryKey: 'link',
      createdAt: 'created_at',
      addedIn: 2,
    },
  ],
};

/** A note that is valid. */
export function note(id: string, text = `text of ${id}`): Record<string, string | number | null> {
  return { note_id: id, text, stars: 3, weight: 0.5, created_at: '2026-01-02T03:04:05.678Z' };
}
