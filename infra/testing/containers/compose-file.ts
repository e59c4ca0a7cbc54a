/**
 * Reads the compose files: variables filled in, and of each service the part that the
 * container tests give to testcontainers. What compose has beyond that is refused, so that no test starts
 * something else than compose would.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';

/** The whole system. */
export const composeFile = fileURLToPath(new URL('../../compose.yaml', import.meta.url));
/** What is laid over it for TLS and SASL. */
export const secureComposeFile = fileURLToPath(new URL('../../compose.secure.yaml', import.meta.url));

const condition = z.strictObject({ condition: z.literal('service_healthy') });
const serviceSchema = z.strictObject({
  image: z.string(),
  build: z
    .strictObject({ context: z.string(), dockerfile: z.string(), args: z.record(z.string(), z.string()) })
    .optional(),
  command: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.string()).default({}),
  volumes: z.array(z.string().regex(/^[a-z0-9-]+:\/[^:]*$/)).default([]),
  ports: z.array(z.string()).default([]),
  read_only: z.boolean().default(false),
  cap_drop: z.array(z.string()).default([]),
  security_opt: z.array(z.string()).default([]),
  stop_grace_period: z.string().regex(/^\d+s$/),
  restart: z.literal('unless-stopped'),
  networks: z.array(z.literal('inside')),
  depends_on: z.record(z.string(), condition).default({}),
  healthcheck: z.strictObject({
    test: z.array(z.string()),
    interval: z.string(),
    timeout: z.string(),
    retries: z.int(),
    start_period: z.string(),
  }),
});
/** As compose makes them when nothing is said. */
const plain = z.record(z.string(), z.strictObject({}));
const fileSchema = z.strictObject({
  services: z.record(z.string(), serviceSchema),
  networks: plain,
  volumes: plain,
});

/** One service of a compose file. */
export type ComposeService = z.output<typeof serviceSchema>;

/** Variables that fill in `${NAME}`. */
export type ComposeVariables = Readonly<Record<string, string | undefined>>;

/** Parses one file without filling anything in. */
export function parseCompose(file: string): unknown {
  return parse(readFileSync(file, 'utf8'), { merge: true });
}

/** Services by name, variables filled in. @throws Error for a variable that must be set, and for unknown keys. */
export function readCompose(variables: ComposeVariables, file = composeFile): Record<string, ComposeService> {
  const filled = Object.entries(fillIn(parseCompose(file), variables) as object);
  // What begins with x- is for whoever writes the file: compose does not look at it.
  return fileSchema.parse(Object.fromEntries(filled.filter(([key]) => !key.startsWith('x-')))).services;
}

/** Fills variables in, everywhere in a parsed file: `${A}`, `${A:-default}`, `${A:?message}`. */
export function fillIn(value: unknown, variables: ComposeVariables): unknown {
  if (typeof value === 'string') {
    return value.replace(/\$\{(\w+)(?::(-|\?)([^}]*))?\}/g, (_, name: string, kind?: string, rest = '') => {
      const set = variables[name];
      if (set !== undefined && set !== '') return set;
      if (kind === '?') throw new Error(`${name}: ${rest}`);
      return rest;
    });
  }
  if (Array.isArray(value)) return value.map((part) => fillIn(part, variables));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, fillIn(part, variables)]));
}
