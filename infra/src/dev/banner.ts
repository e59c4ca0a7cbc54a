/**
 * What `pnpm dev` prints when all is ready: every address, every database file, three curl lines to paste.
 */
import { relative } from 'node:path';
import type { Cluster } from '../cluster/cluster.ts';

/** What the banner tells. */
export interface Banner {
  /** Since the start of the process. */
  readonly elapsedMs: number;
  readonly cluster: Pick<Cluster, 'broker' | 'replicas' | 'gateway' | 'services'>;
  readonly dataDir: string;
  /** Paths are shown relative to it where that is shorter. */
  readonly workingDir: string;
  readonly hasKeys: boolean;
}

/** The keys in one line. */
export const keysLine = 'h help, a add a replica, k kill -9 one, r restart one, v verify, q quit';

/** The line that programs wait for: starts with `ready in`. */
export function readyLine(elapsedMs: number): string {
  return `ready in ${(elapsedMs / 1000).toFixed(1)} s`;
}

/** The whole banner, beginning with the ready line. */
export function bannerText(banner: Banner): string {
  const { cluster, dataDir, workingDir } = banner;
  const shown = (path: string): string => {
    if (URL.canParse(path)) return path;
    const nearer = relative(workingDir, path);
    return nearer.length < path.length && !nearer.startsWith('..') ? nearer : path;
  };
  const services = cluster.services.map((service) =>
    `  ${service.name.padEnd(13)} ${service.url.padEnd(24)} ${service.shownDatabase === '' ? '' : shown(service.shownDatabase)}`.trimEnd(),
  );
  const kafka =
    cluster.broker && `  ${'Kafka'.padEnd(13)} ${cluster.broker.bootstrap.padEnd(24)} ${cluster.broker.kind}`;
  return [
    readyLine(banner.elapsedMs),
    '',
    ...services,
    ...(kafka === null ? [] : [kafka]),
    `  ${'dev.json'.padEnd(13)} ${shown(`${dataDir}/dev.json`)}`,
    '',
    'Place an order at the first replica, read it through the gateway, create a user and list the users:',
    '',
    ...curlLines(cluster).map((line) => `  ${line}`),
    '',
    banner.hasKeys ? `Keys: ${keysLine}. Ctrl-C takes everything down.` : 'Ctrl-C takes everything down.',
    '',
  ].join('\n');
}

/** Three commands that work as printed, in this order, also when they are run again. */
function curlLines(cluster: Pick<Cluster, 'replicas' | 'gateway'>): readonly string[] {
  const [first] = cluster.replicas;
  const json = "-H 'content-type: application/json'";
  const order = '{"productId":"product-1","quantity":2,"unitPrice":1500}';
  const user = '{"email":"ada@example.com","name":"Ada","password":"difference engine"}';
  const { url } = cluster.gateway;
  const users = `${url}/user-service/users`;
  return [
    `curl -s -X POST ${first?.url}/order-service/ada/orders ${json} -d '${order}'`,
    `curl -s ${url}/order-service/ada/orders`,
    `curl -s -X POST ${users} ${json} -d '${user}' --next -s ${users}`,
  ];
}
