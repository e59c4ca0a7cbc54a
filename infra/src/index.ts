/**
 * The ground under the services on one machine: a broker, a supervised cluster, `pnpm dev`, and the checks.
 *
 * Commands in `scripts/` are thin; what they do is exported here and tested in this package.
 */

export { markdownLines, readResults, surroundingsLine } from './bench/bench-document.ts';
export { benchHelp, readBenchOptions } from './bench/bench-options.ts';
export { type BenchRow, tableLines } from './bench/bench-row.ts';
export { runBench } from './bench/run-bench.ts';
export {
  type Broker,
  type BrokerKind,
  type BrokerSurroundings,
  type DescribeCluster,
  type RequestedBroker,
  requestedBrokers,
} from './broker/broker.ts';
export { type StartBrokerOptions, startBroker } from './broker/start-broker.ts';
export { chaosHelp, readChaosOptions } from './chaos/chaos-options.ts';
export { reportLines } from './chaos/chaos-report.ts';
export { planFaults, planLines } from './chaos/fault-plan.ts';
export { runChaos, writeReport } from './chaos/run-chaos.ts';
export { ownChecks, runChecks } from './check-run/run-checks.ts';
export { Cluster } from './cluster/cluster.ts';
export type {
  ClusterOptions,
  Report,
  ServiceLine,
  ServiceScripts,
  Topology,
} from './cluster/cluster-options.ts';
export { type DevFile, readDevFile } from './cluster/dev-file.ts';
export type { Environment } from './cluster/service-environment.ts';
export type { ServiceProcess } from './cluster/service-process.ts';
export { planCrashes } from './crash/crash-plan.ts';
export { runCrashMatrix } from './crash/run-crash-matrix.ts';
export { runDemo } from './demo/run-demo.ts';
export { describeClusterWith } from './describe-cluster.ts';
export { type DevOptions, devHelp, readDevOptions } from './dev/dev-options.ts';
export { runDev } from './dev/dev-session.ts';
export { Interruption, watchParent } from './dev/interruption.ts';
export { LogPrinter } from './dev/log-printer.ts';
export { buildImages } from './images/build-images.ts';
export { imagesHelp, readImageOptions } from './images/image-options.ts';
export { errorText, InfraError } from './infra-error.ts';
export { operate } from './operate/operate.ts';
export { killLivingChildren } from './process/living-children.ts';
export { isChainAlive, packageManagerChain } from './process/package-manager-chain.ts';
export { chooseFreePortRow, chooseFreePorts } from './process/ports.ts';
export { runCommand } from './process/run-command.ts';
export { type Look, waitFor } from './process/wait-for.ts';
export { moveQuickStart } from './quick-start/other-ports.ts';
export { readQuickStart } from './quick-start/quick-start.ts';
export { runQuickStart } from './quick-start/run-quick-start.ts';
export { runSessions } from './sessions/run-sessions.ts';
export { readSessionOptions, sessionLines, sessionsHelp } from './sessions/session-options.ts';
export { type Breach, checkImports } from './source-rules/import-rules.ts';
export { readSources } from './source-rules/read-sources.ts';
export { type SourceFile, scanSource } from './source-rules/source-file.ts';
export { runTests } from './test-run/run-tests.ts';
export { findReplicas } from './verify/replica-list.ts';
export { probeReplica } from './verify/replica-probe.ts';
export { type Verdict, verifyReplicas } from './verify/verify.ts';
