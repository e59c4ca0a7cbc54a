/**
 * Makes the service processes of a cluster: name, port, database, environment and listeners of each.
 */
import type { Broker } from '../broker/broker.ts';
import type { PostgresServer } from '../postgres/postgres-server.ts';
import type { ClusterGround } from './cluster-ground.ts';
import { type ClusterOptions, ownServices } from './cluster-options.ts';
import {
  gatewayEnvironment,
  orderServiceEnvironment,
  type SharedSettings,
  urlOf,
  userServiceEnvironment,
} from './service-environment.ts';
import { ServiceProcess } from './service-process.ts';

/** What every service of one cluster is made from. */
export interface ServiceGround {
  readonly options: ClusterOptions;
  readonly ground: ClusterGround;
  /** Null in topologies without one. */
  readonly broker: Broker | null;
  /** Null in the other topologies than `shared-db`. */
  readonly postgres: PostgresServer | null;
  readonly onSpawn: (name: string, pid: number) => void;
  readonly onChange: () => void;
}

/** Makes replica `order-<number>`; numbers begin with 1. Its data are in the folder of that name. */
export function makeReplica(from: ServiceGround, number: number): ServiceProcess {
  const replicaId = `order-${number}`;
  const database = from.ground.directory.databaseOf(replicaId);
  const own = { replicaId, port: from.options.ports.order + number - 1, database };
  return makeService(from, {
    name: replicaId,
    script: (from.options.scripts ?? ownServices).orderService,
    ...own,
    shownDatabase: from.postgres?.shownUrl ?? database,
    environment: () => ({
      ...orderServiceEnvironment(sharedSettings(from), own),
      ...from.options.replicaEnvironment?.(replicaId),
    }),
  });
}

/** Makes the user-service; `orderServiceUrls` is asked at each of its starts. */
export function makeUserService(
  from: ServiceGround,
  orderServiceUrls: () => readonly string[],
): ServiceProcess {
  const name = 'user-service';
  const own = { port: from.options.ports.user, database: from.ground.directory.databaseOf(name) };
  return makeService(from, {
    name,
    script: (from.options.scripts ?? ownServices).userService,
    ...own,
    shownDatabase: own.database,
    environment: () =>
      userServiceEnvironment(sharedSettings(from), { ...own, orderServiceUrls: orderServiceUrls() }),
  });
}

/** Makes the gateway; `orderServiceUrls` is asked at each of its starts. It keeps nothing on disk. */
export function makeGateway(from: ServiceGround, orderServiceUrls: () => readonly string[]): ServiceProcess {
  const { ports, scripts } = from.options;
  const own = { port: ports.gateway, database: '' };
  return makeService(from, {
    name: 'gateway',
    script: (scripts ?? ownServices).gateway,
    ...own,
    shownDatabase: '',
    environment: () =>
      gatewayEnvironment(sharedSettings(from), {
        ...own,
        orderServiceUrls: orderServiceUrls(),
        userServiceUrl: urlOf(ports.user),
      }),
  });
}

function makeService(
  from: ServiceGround,
  own: {
    readonly name: string;
    readonly script: string;
    readonly port: number;
    readonly database: string;
    readonly shownDatabase: string;
    readonly environment: () => Record<string, string>;
  },
): ServiceProcess {
  return new ServiceProcess({
    ...own,
    isRestarting: from.options.isRestarting,
    onLine: (text, stream) => from.options.onLine({ source: own.name, stream, text }),
    onSpawn: (pid) => from.onSpawn(own.name, pid),
    onDeath: (message) => from.options.onReport({ level: 'warn', message }),
    onChange: from.onChange,
  });
}

function sharedSettings(from: ServiceGround): SharedSettings {
  const { options, ground, broker, postgres } = from;
  return {
    inherited: options.environment,
    extra: options.serviceEnvironment ?? {},
    cluster: ground.memory.cluster,
    secretFile: ground.directory.secretFile,
    topicPrefix: ground.memory.topicPrefix,
    logLevel: options.logLevel,
    broker: broker && { bootstrap: broker.bootstrap, isExternal: broker.kind === 'external' },
    databaseUrl: postgres?.url ?? null,
  };
}
