/**
 * How the victim of a crash matrix is told where to die; the file is described where it is read, in the fixture
 * `crashing-replica.ts` of the order-service.
 */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { writeFileAtomically } from '../process/atomic-file.ts';

/** When to die. */
export interface CrashOrder {
  readonly step: string;
  readonly occurrence: number;
  readonly isHeld: boolean;
}

/** The file in which a victim looks. */
export class CrashFile {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** From now on the victim dies at that moment. */
  arm(order: CrashOrder): void {
    this.disarm();
    writeFileAtomically({ path: this.path, text: JSON.stringify(order) });
  }

  /** It does not, unless it has. */
  disarm(): void {
    for (const path of [this.path, `${this.path}.reached`, `${this.path}.go`]) rmSync(path, { force: true });
  }

  /** False from the moment at which the victim has taken the order. */
  get isArmed(): boolean {
    return existsSync(this.path);
  }

  /** True while a held victim waits at its moment. */
  get isReached(): boolean {
    return existsSync(`${this.path}.reached`);
  }

  /** Lets a held victim die. */
  go(): void {
    writeFileSync(`${this.path}.go`, '');
  }
}
