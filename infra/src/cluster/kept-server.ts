/**
 * A server that the services stand on (broker, PostgreSQL), kept going like a service: started again on the same
 * port and data when it dies.
 */
import { Keeper } from '../process/keeper.ts';

/** The slice of a server that keeping it needs. */
export interface KeepableServer {
  /** `external`: somebody else's, which is neither ended nor started here. */
  readonly kind: string;
  /** Null while it is down, and for a server that is not our child. */
  readonly pid: number | null;
  /** Resolves with how the present life ended; never, for an external server. */
  ended(): Promise<string>;
  /** Starts it again on the same port and data, after it has ended; resolves when it answers. */
  restart(): Promise<void>;
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Ends it in order, bounded in time. */
  stop(): Promise<void>;
}

/** What to keep, and whom to tell. */
export interface KeptServerOptions<S extends KeepableServer> {
  readonly name: string;
  /** Running. */
  readonly server: S;
  readonly isRestarting: boolean;
  readonly onDeath: (sentence: string) => void;
  readonly onChange: () => void;
}

/** A server that is kept going. */
export class KeptServer<S extends KeepableServer> {
  readonly server: S;
  readonly #keeper: Keeper;

  private constructor(options: KeptServerOptions<S>) {
    const { server } = options;
    this.server = server;
    let isFirstLife = true;
    this.#keeper = new Keeper({
      name: options.name,
      isRestarting: options.isRestarting,
      // The server has a grace of its own, as it also stops in other ways than by a signal.
      stopGraceMs: 0,
      onDeath: options.onDeath,
      onChange: options.onChange,
      begin: async () => {
        if (!isFirstLife) await server.restart();
        isFirstLife = false;
        return {
          pid: server.pid,
          ended: server.ended(),
          signal: (name) => void server.kill(name),
          stop: () => server.stop(),
        };
      },
    });
  }

  /** Keeps a server that was just started. */
  static async start<S extends KeepableServer>(options: KeptServerOptions<S>): Promise<KeptServer<S>> {
    const kept = new KeptServer(options);
    await kept.#keeper.start();
    return kept;
  }

  /** Null while it is down, and for a server that is not our child. */
  get pid(): number | null {
    return this.server.pid;
  }

  async stop(): Promise<void> {
    // An external server never ends, so its keeper must not be waited for.
    if (this.server.kind === 'external') return;
    await Promise.all([this.#keeper.stop(), this.server.stop()]);
  }

  async stopAtOnce(): Promise<void> {
    if (this.server.kind === 'external') return;
    await this.server.kill('SIGKILL');
    await Promise.all([this.#keeper.stopAtOnce(), this.server.stop()]);
  }
}
