/** Scripts that load balancers run, and what servers answer them with. */
export const balancerScripts = {
  haproxyService: new URL("../render/scripts/haproxyService.sh", import.meta.url),
  virtualIp: new URL("../render/scripts/virtualIp.sh", import.meta.url),
  balancerCheck: new URL("../render/scripts/balancerCheck.sh", import.meta.url),
  balancerState: new URL("../render/scripts/balancerState.sh", import.meta.url),
  k3sBalancer: new URL("../render/scripts/k3sBalancer.sh", import.meta.url),
  k3sStop: new URL("../render/scripts/k3sStop.sh", import.meta.url),
} as const;
