/** An operation on agents: in each pool at most the stack's `waveWidth` at the same time. */
import { inWaves } from "../components/host/turns.ts";

/** A pool of agents. */
export interface AgentWave {
  /** Names of its hosts. */
  readonly names: readonly string[];
  /** The number of agents that are changed at the same time. */
  readonly waveWidth: number;
}

/** Does `work` to every agent, the pools at the same time, and in each no more than its width. */
export async function inPoolWaves<Agent extends { readonly name: string }>(
  pools: readonly AgentWave[],
  agents: readonly Agent[],
  work: (agent: Agent) => Promise<void>,
): Promise<void> {
  await Promise.all(
    pools.map(({ names, waveWidth }) =>
      inWaves(
        waveWidth,
        agents.filter(({ name }) => names.includes(name)),
        work,
      ),
    ),
  );
}
