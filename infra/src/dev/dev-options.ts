/**
 * What `pnpm dev` may be told, its help text, and the refusal of everything else by name.
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type RequestedBroker, requestedBrokers } from '../broker/broker.ts';
import type { ClusterPorts, Topology } from '../cluster/cluster-options.ts';
import { InfraError } from '../infra-error.ts';

/** The options, checked. */
export interface DevOptions {
  readonly isHelp: boolean;
  readonly replicas: number | undefined;
  readonly topology: Topology;
  readonly broker: RequestedBroker;
  readonly ports: ClusterPorts;
  /** Absolute. */
  readonly dataDir: string;
  readonly topicPrefix: string | undefined;
  readonly isFresh: boolean;
  readonly isJson: boolean;
  readonly isRestarting: boolean;
}

/** Printed by `--help`. */
export const devHelp = `pnpm dev: a real Kafka, order replicas, the user-service and the gateway on this machine, until Ctrl-C

  --replicas N           order replicas, 1 to 32 (default: as many as the data remember, else 2)
  --topology NAME        kafka: replicas exchange their rows (default); isolated: each is alone, which shows the
                         problem; shared-db: all of them on one PostgreSQL, that of DATABASE_URL or our own.
                         Not built yet: connect
  --broker KIND          auto (default): KAFKA_BROKERS, else Docker, else Java; or one of external, docker, java
  --kafka-port PORT      port of our own broker (default 9092)
  --order-port PORT      port of order-1; order-2 takes the next one, and so on (default 60001)
  --user-port PORT       port of the user-service (default 50001)
  --gateway-port PORT    port of the gateway, in front of all of them (default 8000)
  --data-dir DIR         where databases, the broker's data and dev.json live (default .data)
  --fresh                forget earlier data. With an external broker it forgets local data only and asks for a
                         new --topic-prefix
  --topic-prefix NAME    what the names of topics and groups begin with (default: nothing)
  --no-restart           leave a child that dies where it is, instead of starting it again
  --json                 one JSON object a line: time, source, level, message and the fields of the line
  --help                 this text

  Everything binds to 127.0.0.1. Started again without --fresh, everything is as it was.
  When all is ready, a line that begins with "ready in" is printed and DIR/dev.json tells what runs where.
  A broker that is not ours is never written to unless --broker external or KAFKA_BROKERS says so.

  Keys, in a terminal: h help, a add a replica, k kill -9 one, r restart one, v verify, q quit.
  Ctrl-C, SIGTERM or the end of the parent process takes everything down in order; a second Ctrl-C at once.

  Environment: DATABASE_URL, KAFKA_BROKERS, KAFKA_SSL*, KAFKA_SASL*, KAFKA_IMAGE, JAVA_HOME, XDG_CACHE_HOME (the broker's jars),
  LOG_LEVEL (of the services), NO_COLOR.

  exit: 0 stopped as asked, 1 failed, 2 wrong usage, 130 stopped at once`;

const portOptions = ['kafka-port', 'order-port', 'user-port', 'gateway-port'] as const;
const topologies: readonly Topology[] = ['kafka', 'isolated', 'shared-db'];
const plannedTopologies = ['connect'];
const mostReplicas = 32;

/**
 * Reads the arguments after the script's name.
 * @throws `bad-usage`, naming the option and what is possible.
 */
export function readDevOptions(args: readonly string[]): DevOptions {
  const values = parse(args);
  const ports = new Map(portOptions.map((name) => [name, wholeNumber(`--${name}`, values[name], 1, 65_535)]));
  return {
    isHelp: values.help,
    replicas:
      values.replicas === undefined ? undefined : wholeNumber('--replicas', values.replicas, 1, mostReplicas),
    topology: topology(values.topology),
    broker: broker(values.broker),
    ports: {
      kafka: ports.get('kafka-port') ?? 0,
      order: ports.get('order-port') ?? 0,
      user: ports.get('user-port') ?? 0,
      gateway: ports.get('gateway-port') ?? 0,
    },
    dataDir: resolve(nonEmpty('--data-dir', values['data-dir'])),
    topicPrefix: values['topic-prefix'] === undefined ? undefined : topicPrefix(values['topic-prefix']),
    isFresh: values.fresh,
    isJson: values.json,
    isRestarting: !values['no-restart'],
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      // `pnpm dev -- --replicas 3` hands the two dashes on.
      args: args[0] === '--' ? args.slice(1) : [...args],
      options: {
        replicas: { type: 'string' },
        topology: { type: 'string', default: 'kafka' },
        broker: { type: 'string', default: 'auto' },
        'kafka-port': { type: 'string', default: '9092' },
        'order-port': { type: 'string', default: '60001' },
        'user-port': { type: 'string', default: '50001' },
        'gateway-port': { type: 'string', default: '8000' },
        'data-dir': { type: 'string', default: '.data' },
        'topic-prefix': { type: 'string' },
        fresh: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        'no-restart': { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (cause) {
    const [firstSentence = ''] = (cause as Error).message.split('. ');
    throw refusal(firstSentence, 'pnpm dev --help lists every option.', cause);
  }
}

function wholeNumber(option: string, text: string, least: number, most: number): number {
  const value = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw refusal(
    `${option} '${text}' is no whole number from ${least} to ${most}`,
    `Write ${option} ${least}, for example.`,
  );
}

function topology(name: string): Topology {
  const found = topologies.find((one) => one === name);
  if (found !== undefined) return found;
  const isPlanned = plannedTopologies.includes(name);
  throw refusal(
    isPlanned ? `--topology ${name} is not built yet` : `--topology '${name}' is unknown`,
    `Possible are ${topologies.join(', ')}.`,
  );
}

function broker(name: string): RequestedBroker {
  const found = requestedBrokers.find((kind) => kind === name);
  if (found !== undefined) return found;
  throw refusal(`--broker '${name}' is unknown`, `Possible are ${requestedBrokers.join(', ')}.`);
}

function topicPrefix(text: string): string {
  if (/^[A-Za-z0-9._-]{1,64}$/.test(text)) return text;
  throw refusal(
    `--topic-prefix '${text}' cannot begin the name of a topic`,
    'Possible are 1 to 64 of letters, digits, dot, underscore and dash.',
  );
}

function nonEmpty(option: string, text: string): string {
  if (text !== '') return text;
  throw refusal(`${option} is empty`, `Write ${option} .data, for example.`);
}

function refusal(found: string, hint: string, cause?: unknown): InfraError {
  const message = found.endsWith('.') ? found : `${found}.`;
  return new InfraError({ code: 'bad-usage', message, hint, ...(cause === undefined ? {} : { cause }) });
}
