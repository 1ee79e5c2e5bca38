/** A load balancer that the program does not run: what its own hosts see of it. */
import { apiPort } from "../../components/balancer/balancerState.ts";
import { serverHealthPort, serverHealthSocket } from "../../components/balancer/serverHealth.ts";

/** What a node reports of it. */
export interface ExternalBalancerFact {
  /** The API's readiness through the load balancer: "ok", or what is wrong. */
  readonly answer: string;
  /** What a server answers its health checks: "ok", or what is wrong; undefined on an agent. */
  readonly health: string | undefined;
}

/** A sentence for everything that is wrong with it on a node; `isReady` of a server, whose own API is then judged elsewhere. */
export function externalBalancerProblems(
  name: string,
  { answer, health }: ExternalBalancerFact,
  endpoint: string,
  isReady: boolean,
): string[] {
  const problems: string[] = [];
  if (answer !== "ok") {
    problems.push(
      `${name} does not reach the API through the load balancer at ${endpoint} (${answer}). Check that the load balancer passes TCP to port ${apiPort} of a server whose port ${serverHealthPort} answers 200, and that this host reaches it.`,
    );
  }
  if (!isReady || health === undefined || health === "ok") return problems;
  return [
    ...problems,
    health === "HTTP 503"
      ? `${name} is ready, but answers health checks of the load balancer on port ${serverHealthPort} with 503, so it gets no new clients. If no change is in progress there, see "fuser -v /run/k3s-ha/leaving.lock".`
      : `${name} does not answer health checks of the load balancer on port ${serverHealthPort} (${health}), so it gets no new clients. Run "systemctl restart ${serverHealthSocket}" there.`,
  ];
}
