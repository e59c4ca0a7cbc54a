/**
 * What every operator's command is given, and what it gives back.
 */
import { InfraError } from '../infra-error.ts';
import type { ReplicaProbe } from '../verify/replica-probe.ts';

/** What a command works with. */
export interface Operator {
  /** The replicas that the command is about. */
  readonly replicas: readonly ReplicaProbe[];
  /** Words after the command's name. */
  readonly words: readonly string[];
  readonly isJson: boolean;
  readonly print: (line: string) => void;
}

/** Runs one command and gives its exit code. */
export type OperatorCommand = (operator: Operator) => Promise<number>;

/** The one replica that an order is for. @throws `bad-usage` when there are several to choose from. */
export function onlyReplica({ replicas }: Operator): ReplicaProbe {
  const [only] = replicas;
  if (only && replicas.length === 1) return only;
  throw new InfraError({
    code: 'bad-usage',
    message: `This command is for one replica, and there are ${replicas.length}.`,
    hint: 'Name it: --urls http://host:port.',
  });
}

/** A whole number among the words. @throws `bad-usage`. */
export function numberAt(words: readonly string[], index: number, what: string): number {
  const word = words[index] ?? '';
  if (/^\d{1,15}$/.test(word)) return Number(word);
  throw new InfraError({
    code: 'bad-usage',
    message: `'${word}' is not ${what}.`,
    hint: 'pnpm dbsync --help',
  });
}

/** What cannot be understood. */
export function unknownWords(command: string, words: readonly string[], known: string): InfraError {
  return new InfraError({
    code: 'bad-usage',
    message: `'${[command, ...words].join(' ')}' is not a command.`,
    hint: `There are: ${known}.`,
  });
}
