/**
 * What the container tests share: the system of the compose file in containers, and what may happen to them.
 */

export { type ContainerGround, ContainerStack, startGround } from './container-stack.ts';
export { findEngine } from './engine.ts';
