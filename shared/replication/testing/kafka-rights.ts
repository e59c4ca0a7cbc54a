/**
 * Kafka's access rights for tests, given by a user who may do everything.
 */
import { createKafka } from '../src/kafka/kafka.ts';
import { silentLogger } from '../src/surroundings.ts';

/** One right: what, on which kind of thing, with names that begin how. */
export interface KafkaRight {
  readonly operation: string;
  readonly kind: 'topic' | 'group';
  readonly prefix: string;
}

/** Numbers of Kafka's protocol. */
const operations: Readonly<Record<string, number>> = {
  ...{ Read: 3, Write: 4, Create: 5, Delete: 6, Describe: 8, DescribeConfigs: 10 },
};
const kinds = { topic: 2, group: 3 } as const;
const [prefixed, allow] = [4, 3];

/** Grants each user its rights. */
export async function grantKafkaRights(
  bootstrap: string,
  grants: readonly { readonly user: string; readonly right: KafkaRight }[],
): Promise<void> {
  const admin = createKafka({ brokers: [bootstrap] }, { clientId: 'rights', logger: silentLogger }).admin();
  await admin.connect();
  const acl = grants.map(({ user, right: { operation, kind, prefix } }) => ({
    ...{ resourceType: kinds[kind], resourceName: prefix, resourcePatternType: prefixed },
    ...{ principal: `User:${user}`, host: '*', operation: operations[operation] ?? 0, permissionType: allow },
  }));
  await admin.createAcls({ acl });
  await admin.disconnect();
}

/** Names of all consumer groups. */
export async function listKafkaGroups(bootstrap: string): Promise<string[]> {
  const admin = createKafka({ brokers: [bootstrap] }, { clientId: 'groups', logger: silentLogger }).admin();
  await admin.connect();
  const { groups } = await admin.listGroups();
  await admin.disconnect();
  return groups.map(({ groupId }) => groupId);
}
