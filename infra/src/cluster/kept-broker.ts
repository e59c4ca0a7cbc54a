/**
 * The cluster's broker, kept going like a service: started again on the same port and data when it dies.
 */
import type { Broker } from '../broker/broker.ts';
import { type StartBrokerOptions, startBroker } from '../broker/start-broker.ts';
import { Keeper } from '../process/keeper.ts';

/** What to start, and whom to tell. */
export interface KeptBrokerOptions {
  readonly start: StartBrokerOptions;
  readonly isRestarting: boolean;
  readonly onDeath: (sentence: string) => void;
  readonly onChange: () => void;
}

/** A broker that is kept going. */
export class KeptBroker {
  readonly broker: Broker;
  readonly #keeper: Keeper;

  private constructor(broker: Broker, options: KeptBrokerOptions) {
    this.broker = broker;
    let isFirstLife = true;
    this.#keeper = new Keeper({
      name: 'broker',
      isRestarting: options.isRestarting,
      // The broker has a grace of its own, as it also stops in other ways than by a signal.
      stopGraceMs: 0,
      onDeath: options.onDeath,
      onChange: options.onChange,
      begin: async () => {
        if (!isFirstLife) await broker.restart();
        isFirstLife = false;
        return {
          pid: broker.pid,
          ended: broker.ended(),
          signal: (name) => void broker.kill(name),
          stop: () => broker.stop(),
        };
      },
    });
  }

  /** Starts a broker; throws what `startBroker` throws. */
  static async start(options: KeptBrokerOptions): Promise<KeptBroker> {
    const kept = new KeptBroker(await startBroker(options.start), options);
    await kept.#keeper.start();
    return kept;
  }

  /** Null while it is down, and for a broker that is not our child. */
  get pid(): number | null {
    return this.broker.pid;
  }

  async stop(): Promise<void> {
    // An external broker never ends, so its keeper must not be waited for.
    if (this.broker.kind === 'external') return;
    await Promise.all([this.#keeper.stop(), this.broker.stop()]);
  }

  async stopAtOnce(): Promise<void> {
    if (this.broker.kind === 'external') return;
    await this.broker.kill('SIGKILL');
    await Promise.all([this.#keeper.stopAtOnce(), this.broker.stop()]);
  }
}
