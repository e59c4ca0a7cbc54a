/**
 * Bootstrap: an empty replica takes a snapshot of a live peer instead of reading the whole log.
 *
 *   peers known? -> download -> checked against its manifest -> imported in one transaction -> memory reloaded
 *
 * Only an empty directory takes a snapshot; one with data heals by resync. A download that was interrupted or is
 * damaged is thrown away and begun anew with the next donor, all donors a few times, with pauses that grow. When
 * nothing helps the log is replayed, if it is whole: a new replica waits for nobody for long.
 */
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { backoffMs, policies } from './backoff.ts';
import type { PartitionOffsets } from './change-log.ts';
import { errorText, isReplicationError, type ReplicationErrorCode } from './errors.ts';
import { assertWhole, isWhole } from './log-guard.ts';
import type { CallPeer } from './peer.ts';
import type { LiveReplica, Registry } from './registry.ts';
import { damaged, type SnapshotManifest } from './snapshot.ts';
import { importSnapshot, type SnapshotImportOptions } from './snapshot-import.ts';
import { receiveSnapshot } from './snapshot-stream.ts';
import type { Surroundings } from './surroundings.ts';

/** How bootstrap is put together. */
export interface BootstrapOptions extends Omit<SnapshotImportOptions, 'observe'> {
  /** Replica id and URL of this replica: beats of its life before are still believed, and lead to itself. */
  readonly self: () => { readonly replicaId: string; readonly url: string };
  readonly registry: Registry;
  /** Records from which on an empty replica prefers a snapshot to reading the log. */
  readonly snapshotMinRecords: number;
  readonly callPeer: CallPeer;
  readonly world: Surroundings;
}

/** How far the download that is under way has come. */
export interface BootstrapProgress {
  /** Replica id of the donor. */
  readonly donor: string;
  /** 1 for the first donor asked. */
  readonly attempt: number;
  /** Of the snapshot's bytes. */
  readonly received: number;
  /** 0 before the manifest has arrived. */
  readonly bytes: number;
  readonly rows: number;
}

/** How long peers are waited for: two beats of everybody and some time to spare, in milliseconds. */
const PEERS_MS = 4000;

/** Name of the download in the data directory. */
export const DOWNLOAD_FILE = 'bootstrap.download';

/** Times that all donors are asked before the log is replayed. */
const ROUNDS = 5;

/** Time between two lines about the progress, in milliseconds. */
const PROGRESS_MS = 2000;

/** What an attempt may fail of; a disk that is full may have room later. */
const PASSING: readonly ReplicationErrorCode[] = [
  'snapshot-refused',
  'peer-failed',
  'overloaded',
  'not-ready',
  'disk-full',
  'database-busy',
];

/** Builds an empty replica from a peer. */
export class Bootstrap {
  readonly #options: BootstrapOptions;
  readonly #file: string;
  #progress: BootstrapProgress | undefined;
  #attempts = 0;
  #saidAtMs = 0;
  #isStopping = false;

  constructor(options: BootstrapOptions) {
    this.#options = options;
    this.#file = join(dirname(options.databaseFile), DOWNLOAD_FILE);
  }

  /** Present while a snapshot is taken. */
  get progress(): BootstrapProgress | undefined {
    return this.#progress;
  }

  /** True when somebody is known who holds something. */
  get hasDonors(): boolean {
    return this.#donors().length > 0;
  }

  /**
   * Takes a snapshot where it pays or where the log is not whole, and leaves the rest to the log.
   *
   * @throws `log-refused` (retryable) where nobody gives a snapshot and the log is not whole.
   */
  async fill(offsets: readonly PartitionOffsets[]): Promise<void> {
    const records = offsets.reduce((sum, { low, end }) => sum + end - low, 0);
    if (isWhole(offsets) && records < this.#options.snapshotMinRecords) return;
    if (!(await this.#fromPeer()) && !this.#isStopping) assertWhole(offsets, { isRetryable: true });
  }

  /** True when a snapshot was taken; false when there is nobody to take it from, or nobody could give one. */
  async #fromPeer(): Promise<boolean> {
    const { world } = this.#options;
    try {
      for (let round = 1; round <= ROUNDS && !this.#isStopping; round += 1) {
        const donors = await this.#awaitDonors();
        if (donors.length === 0) return false;
        // Several new replicas begin with different donors, as each gives one copy at a time.
        const [byte = 0] = world.random.bytes(1);
        for (const [i] of donors.entries()) {
          const donor = donors[(i + byte) % donors.length];
          if (donor && (await this.#takeFrom(donor))) return true;
        }
        await this.#pause(backoffMs(policies.bootstrap, round, world.random));
      }
      return false;
    } finally {
      this.#progress = undefined;
      await rm(this.#file, { force: true });
    }
  }

  /** What is under way ends soon, without a result. */
  stop(): void {
    this.#isStopping = true;
  }

  async #takeFrom(donor: LiveReplica): Promise<boolean> {
    const { world } = this.#options;
    try {
      const manifest = await this.#download(donor);
      // Whoever answers at that URL now may have begun anew.
      if (manifest.rows === 0) throw damaged('nothing is in it');
      await world.observe('bootstrap:received');
      await importSnapshot(this.#file, manifest, { ...this.#options, observe: world.observe });
      const { rows, bytes } = manifest;
      world.logger.info({ donor: donor.replicaId, rows, bytes }, 'built from a snapshot');
      return true;
    } catch (error) {
      if (!isReplicationError(error) || !PASSING.includes(error.code)) throw error;
      const fields = { donor: donor.replicaId, error: errorText(error) };
      world.logger.warn(fields, 'a snapshot could not be had; it is begun anew');
      return false;
    }
  }

  #download(donor: LiveReplica): Promise<SnapshotManifest> {
    const { callPeer, world } = this.#options;
    this.#attempts += 1;
    const about = { donor: donor.replicaId, attempt: this.#attempts };
    this.#progress = { ...about, received: 0, bytes: 0, rows: 0 };
    this.#saidAtMs = world.clock.monotonic();
    return receiveSnapshot(callPeer(donor.url).snapshot(), {
      file: this.#file,
      progress: (received, { bytes, rows }) => {
        if (this.#isStopping) throw damaged('this replica stops');
        this.#progress = { ...about, received, bytes, rows };
        if (world.clock.monotonic() - this.#saidAtMs < PROGRESS_MS) return;
        this.#saidAtMs = world.clock.monotonic();
        world.logger.info(this.#progress, 'receiving a snapshot');
      },
    });
  }

  /** Waits for beats, because nobody is known right after a start. */
  async #awaitDonors(): Promise<LiveReplica[]> {
    const { clock } = this.#options.world;
    const deadline = clock.monotonic() + PEERS_MS;
    while (!this.hasDonors && !this.#isStopping && clock.monotonic() < deadline) await this.#pause(100);
    return this.#donors();
  }

  #donors(): LiveReplica[] {
    const self = this.#options.self();
    return this.#options.registry
      .live()
      .filter(({ replicaId, url }) => replicaId !== self.replicaId && url !== self.url)
      .filter(({ state, announcement }) => state === 'live' && announcement.rows > 0);
  }

  async #pause(ms: number): Promise<void> {
    if (!this.#isStopping) await new Promise<void>((resolve) => this.#options.world.clock.after(ms, resolve));
  }
}
