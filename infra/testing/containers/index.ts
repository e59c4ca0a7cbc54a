/**
 * What the container tests share: the system of the compose file in containers, and what may happen to them.
 */
export { findCompose, withComposeProject } from './compose-project.ts';
export { ContainerStack, startGround } from './container-stack.ts';
export { findEngine } from './engine.ts';
export { layGround } from './file-ground.ts';
export { placeOrdersInside } from './load-inside.ts';
export { makeOtherImage } from './other-image.ts';
