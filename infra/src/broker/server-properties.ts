/**
 * The settings of our broker, from the one template in `infra/kafka/server.properties`.
 *
 * The Java broker reads them from a file, the container from KAFKA_* variables as the official image spells
 * them; both come from here, so both brokers behave alike.
 */
import { readFileSync } from 'node:fs';
import { InfraError } from '../infra-error.ts';

const templateUrl = new URL('../../kafka/server.properties', import.meta.url);

/**
 * A listener of its own for one client: it binds `port` and tells clients to come to `advertisedPort`, where
 * somebody stands in between. Clients follow what is advertised, so all of their traffic goes that way.
 */
export interface BrokerLink {
  readonly port: number;
  readonly advertisedPort: number;
}

/** What the template leaves open. */
export interface ServerPorts {
  readonly port: number;
  readonly controllerPort: number;
}

/** Reads the template and fills it in; names in the order of the file. */
export function serverProperties(
  ports: ServerPorts,
  template = readFileSync(templateUrl, 'utf8'),
): Map<string, string> {
  const properties = new Map<string, string>();
  for (const line of template.split('\n')) {
    const text = line.trim();
    if (text === '' || text.startsWith('#')) continue;
    const equals = text.indexOf('=');
    properties.set(text.slice(0, equals), fill(text.slice(equals + 1), ports));
  }
  return properties;
}

function fill(value: string, ports: ServerPorts): string {
  return value.replace(/\$\{(\w+)\}/g, (_, name: string) => {
    const known: Readonly<Record<string, number | undefined>> = { ...ports };
    const filled = known[name];
    if (filled === undefined) {
      throw new InfraError({
        code: 'broker-failed',
        message: `infra/kafka/server.properties uses \${${name}}, which nobody fills in.`,
        hint: `Known are: ${Object.keys(ports).join(', ')}.`,
      });
    }
    return String(filled);
  });
}

/** The same settings with a listener for each link. */
export function withLinks(
  properties: ReadonlyMap<string, string>,
  links: readonly BrokerLink[],
): Map<string, string> {
  const name = (index: number): string => `LINK${index + 1}`;
  const added: Readonly<Record<string, readonly string[]>> = {
    listeners: links.map(({ port }, index) => `${name(index)}://127.0.0.1:${port}`),
    'advertised.listeners': links.map((link, index) => `${name(index)}://127.0.0.1:${link.advertisedPort}`),
    'listener.security.protocol.map': links.map((_, index) => `${name(index)}:PLAINTEXT`),
  };
  return new Map(
    [...properties].map(([key, value]) => [key, [value, ...(added[key] ?? [])].join(',')] as const),
  );
}

/** The text of a properties file. */
export function propertiesText(properties: ReadonlyMap<string, string>): string {
  return [...properties].map(([name, value]) => `${name}=${value}\n`).join('');
}

/** The same as variables of the official image: dots become one underscore, underscores two, dashes three. */
export function propertiesEnvironment(properties: ReadonlyMap<string, string>): Record<string, string> {
  const spelled = (name: string): string =>
    name.replaceAll('_', '__').replaceAll('-', '___').replaceAll('.', '_').toUpperCase();
  return Object.fromEntries([...properties].map(([name, value]) => [`KAFKA_${spelled(name)}`, value]));
}
