/**
 * The contradiction: a row that does not hash to its link is damage only if a live peer says so.
 *
 * A peer that has the row as it should be says so, and a peer that answers and has nothing at that place does, too: it
 * vouches for nothing. One whose own row does not verify here either does not: then this build may be at fault, and no
 * replica may throw its data away for that.
 */
import type { Chain } from '../chain.ts';
import { isReplicationError } from '../errors.ts';
import { isOrigin } from '../origin.ts';
import type { CallPeer } from '../peer.ts';
import type { Registry } from '../registry.ts';

/** True when a live peer contradicts what this replica holds at a place. Peers that do not answer say nothing. */
export async function isContradicted(
  place: { readonly origin: string; readonly seq: number },
  asked: { replicaId: string; registry: Registry; callPeer: CallPeer; chain: Chain },
): Promise<boolean> {
  const { registry, replicaId, callPeer, chain } = asked;
  for (const other of registry.live()) {
    if (other.replicaId === replicaId || other.state !== 'live') continue;
    try {
      const peer = callPeer(other.url);
      if (!isOrigin(place.origin) || place.seq < 1) {
        await peer.vector();
        return true;
      }
      const [event] = await peer.changes(place.origin, place.seq - 1);
      if (!event || chain.verify(event.chain, event.previous, event)) return true;
    } catch (error) {
      if (!isReplicationError(error, 'peer-failed', 'not-ready', 'stopped', 'database-busy')) throw error;
    }
  }
  return false;
}
