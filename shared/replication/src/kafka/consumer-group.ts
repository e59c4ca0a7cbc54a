/**
 * The consumer groups of this process: each is used once and deleted at the end.
 *
 * One that stays behind harms nobody and goes by itself, as no offset is committed in it. Only a user who may not
 * delete groups is worth a line, because then every start leaves some.
 */
import type { Logger } from '../surroundings.ts';
import { type Admin, isRefusal, withDeadline } from './kafka.ts';

/** Deletes them where that can be done within the deadline. Never fails. */
export async function deleteGroups(
  admin: Admin,
  options: { readonly groups: readonly string[]; readonly deadlineMs: number; readonly logger: Logger },
): Promise<void> {
  const { groups, deadlineMs, logger } = options;
  const call = async (): Promise<void> => {
    // Only where it is not connected yet does this do anything.
    await admin.connect();
    await admin.deleteGroups([...groups]);
  };
  await withDeadline('deleting consumer groups', call, deadlineMs).catch((error: { cause?: unknown }) => {
    const failed = (error.cause as { groups?: readonly { error: unknown }[] } | undefined)?.groups ?? [];
    if (!failed.some((group) => isRefusal(group.error))) return;
    logger.warn({ groups }, 'consumer groups stay behind: Kafka does not let this user delete them');
  });
}
