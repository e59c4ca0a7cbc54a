/**
 * What every service needs and nobody wants to read twice: configuration, logging, the HTTP edge, the process.
 *
 * Services import from here only; files import each other directly. Nothing in here knows orders, users or
 * replication.
 */
export { beginStopping } from './app-state.ts';
export { jsonBody, MAX_BODY_BYTES, validBody, validParameters } from './body.ts';
export { type ClusterSettings, clusterSecret, clusterVariables } from './cluster-variables.ts';
export { ConfigurationError, readEnvironment } from './environment.ts';
export {
  type HttpServer,
  type HttpServerOptions,
  MAX_FORWARDED_HEADER_BYTES,
  startHttpServer,
} from './http-server.ts';
export {
  type KafkaConnectionSettings,
  type KafkaSettings,
  kafkaConnection,
  kafkaVariables,
} from './kafka-variables.ts';
export { createLogger, type Logger } from './logger.ts';
export { createMetrics, type Metrics } from './metrics.ts';
export { nextLink, type PagePlace, type PageRequest, pageCursor, readPage } from './page.ts';
export {
  type FieldProblem,
  invalidRequest,
  PROBLEM_MEDIA_TYPE,
  Problem,
  type ProblemDetails,
  type ProblemOptions,
} from './problem.ts';
export { type ResourceHandlers, resource } from './resource.ts';
export { type RunOptions, runService } from './runner.ts';
export { createServiceApp, type Readiness, type ServiceAppOptions } from './service-app.ts';
export { booleanVariable, integerVariable, serviceVariables } from './service-variables.ts';
export { tuningVariables } from './tuning-variables.ts';
export { variableTable } from './variable-table.ts';
