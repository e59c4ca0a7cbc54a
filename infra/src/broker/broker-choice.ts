/**
 * Which broker to take, as a pure function of what was found on the machine.
 *
 * The order of `auto` is: KAFKA_BROKERS, a Docker engine with the image, Java with Maven. Data remember the kind
 * that wrote them, as two kinds keep their files differently: `auto` stays with it. `broker-findings.ts` looks.
 */
import { InfraError } from '../infra-error.ts';
import type { BrokerKind, RequestedBroker } from './broker.ts';

/** A kind that can be had, with what it is in words, or why it cannot. */
export type Finding = { readonly ready: string } | { readonly absent: string };

/** What was found. A kind that nobody needed to look for is left out. */
export interface BrokerFindings {
  /** `host:port,…` of KAFKA_BROKERS, or null. */
  readonly kafkaBrokers: string | null;
  readonly docker?: Finding;
  readonly java?: Finding;
}

/** The decision: a kind and the sentence that explains it. */
export interface BrokerChoice {
  readonly kind: BrokerKind;
  readonly reason: string;
}

/** What may be installed when there is nothing. */
const wayOut =
  'Install Java 17 or newer and Maven (Debian, Ubuntu: apt-get install openjdk-17-jre-headless maven; macOS: brew install openjdk maven), or a Docker engine, or set KAFKA_BROKERS=host:port.';

const noKafkaBrokers = 'KAFKA_BROKERS is not set';

/** What to decide from. */
export interface BrokerQuestion {
  readonly requested: RequestedBroker;
  /** Kind whose data lie in the data directory; null when there are none. */
  readonly remembered: BrokerKind | null;
  readonly findings: BrokerFindings;
}

/**
 * Decides.
 * @throws `no-broker` when what was asked for, or anything at all, cannot be had; names what to install.
 * @throws `wrong-broker` when the data belong to another kind.
 */
export function chooseBroker(question: BrokerQuestion): BrokerChoice {
  const { requested, remembered, findings } = question;
  if (requested === 'external' || (requested === 'auto' && findings.kafkaBrokers !== null)) {
    if (findings.kafkaBrokers === null) {
      throw new InfraError({
        code: 'no-broker',
        message: `--broker external needs the brokers' addresses, and ${noKafkaBrokers}.`,
        hint: 'Set KAFKA_BROKERS=host:port, or leave --broker out.',
      });
    }
    return {
      kind: 'external',
      reason: `Kafka: the brokers that KAFKA_BROKERS names (${findings.kafkaBrokers}).`,
    };
  }
  if (remembered === 'external') {
    throw new InfraError({
      code: 'wrong-broker',
      message: 'The data in this data directory belong with an external broker.',
      hint: 'Set KAFKA_BROKERS again, or take another --data-dir, or forget the data with --fresh.',
    });
  }
  if (requested !== 'auto') return chooseNamed(requested, question);
  if (remembered !== null) {
    return choose(
      remembered,
      findings,
      `as the data in this data directory were written by that kind of broker`,
    );
  }
  return chooseFirst(findings);
}

function chooseNamed(kind: 'docker' | 'java', question: BrokerQuestion): BrokerChoice {
  if (question.remembered !== null && question.remembered !== kind) {
    throw new InfraError({
      code: 'wrong-broker',
      message: `The data in this data directory were written by --broker ${question.remembered}.`,
      hint: `Leave --broker out, or take another --data-dir, or forget the data with --fresh.`,
    });
  }
  return choose(kind, question.findings, `as --broker ${kind} asks`);
}

function choose(kind: 'docker' | 'java', findings: BrokerFindings, because: string): BrokerChoice {
  const finding = findings[kind] ?? { absent: `nobody looked for ${kind}` };
  if ('ready' in finding) return { kind, reason: `Kafka: ${finding.ready}, ${because}.` };
  throw new InfraError({
    code: 'no-broker',
    message: `No broker: --broker ${kind} is wanted, ${because}, but ${finding.absent}.`,
    hint: wayOut,
  });
}

function chooseFirst(findings: BrokerFindings): BrokerChoice {
  const reasons = [noKafkaBrokers];
  for (const kind of ['docker', 'java'] as const) {
    const finding = findings[kind];
    if (finding === undefined) continue;
    if ('ready' in finding) return { kind, reason: `Kafka: ${finding.ready}, as ${inWords(reasons)}.` };
    reasons.push(finding.absent);
  }
  throw new InfraError({ code: 'no-broker', message: `No broker: ${inWords(reasons)}.`, hint: wayOut });
}

function inWords(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}
