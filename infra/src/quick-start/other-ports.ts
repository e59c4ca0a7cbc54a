/**
 * The same quick start on other ports and in another data directory, so that it can run beside another stack.
 *
 * Every replacement is said aloud by the caller: what runs then is no longer what the README says, letter by letter.
 */
import type { QuickStartStep } from './quick-start.ts';

/** Where it is to run instead; what is left out stays as the README has it. */
export interface OtherPlace {
  /** Absolute. */
  readonly dataDir: string;
  readonly kafkaPort?: number | undefined;
  readonly orderPort?: number | undefined;
  readonly userPort?: number | undefined;
  readonly gatewayPort?: number | undefined;
}

/** Ports that the README speaks of: those that `pnpm dev` takes unless told otherwise. */
const known = { kafka: 9092, order: 60_001, user: 50_001, gateway: 8000 } as const;
const mostReplicas = 9;

/** Steps with ports replaced and the data directory given to the commands that need one. */
export function moveQuickStart(
  steps: readonly QuickStartStep[],
  place: OtherPlace,
): readonly QuickStartStep[] {
  const ports = portMap(place);
  const move = (text: string): string =>
    text
      .replace(/\b\d{4,5}\b/g, (number) => String(ports.get(Number(number)) ?? number))
      .replaceAll('./.data/', `${inQuotes(place)}/`);
  return steps.map((step, index) => ({
    commands: step.commands.map(
      (command) => `${move(command)}${index === 0 ? portOptions(place) : ''}${dataDirOption(command, place)}`,
    ),
    expected: step.expected && { kind: step.expected.kind, text: move(step.expected.text) },
  }));
}

function portMap(place: OtherPlace): ReadonlyMap<number, number> {
  const map = new Map<number, number>();
  if (place.kafkaPort !== undefined) map.set(known.kafka, place.kafkaPort);
  if (place.userPort !== undefined) map.set(known.user, place.userPort);
  if (place.gatewayPort !== undefined) map.set(known.gateway, place.gatewayPort);
  if (place.orderPort !== undefined) {
    for (let replica = 0; replica < mostReplicas; replica += 1)
      map.set(known.order + replica, place.orderPort + replica);
  }
  return map;
}

function portOptions(place: OtherPlace): string {
  const option = (name: string, port: number | undefined): string =>
    port === undefined ? '' : ` --${name} ${port}`;
  return (
    option('kafka-port', place.kafkaPort) +
    option('order-port', place.orderPort) +
    option('user-port', place.userPort) +
    option('gateway-port', place.gatewayPort)
  );
}

/** Commands of ours that look for a data directory. */
function dataDirOption(command: string, place: OtherPlace): string {
  const isOurs = /^(?:npx )?pnpm (?:dev|verify|dbsync)\b/.test(command);
  return isOurs ? ` --data-dir '${inQuotes(place)}'` : '';
}

/** The data directory as it stands between single quotes. */
function inQuotes({ dataDir }: OtherPlace): string {
  return dataDir.replaceAll("'", "'\\''");
}
