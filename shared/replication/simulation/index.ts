/** The simulation as a command uses it: campaigns, single seeds, planted bugs. */
export { type CampaignReport, runCampaign } from './campaign.ts';
export { runAlone } from './fleet.ts';
export { drawPlan, type Plan } from './plan.ts';
export { plantedBugs } from './planted-bugs.ts';
export type { HistoryResult } from './run-history.ts';
export { MAX_SEEDS, searchBug } from './search-bugs.ts';
export { shrinkPlan } from './shrink.ts';
