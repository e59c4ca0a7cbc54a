/**
 * The variables of a service as a table for its documentation, made from the schema that checks them.
 */
import type { z } from 'zod';

/** Markdown: one row a variable, sorted by name. */
export function variableTable(schema: z.ZodObject): string {
  const rows = Object.entries(schema.shape)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, field]) => `| \`${name}\` | ${descriptionOf(field)} |`);
  return ['| variable | what it is |', '|---|---|', ...rows].join('\n');
}

function descriptionOf(field: unknown): string {
  const description = (field as { description?: string }).description;
  return (description ?? '').replaceAll('|', '\\|');
}
