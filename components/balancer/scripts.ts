/** Scripts that load balancers run, and what servers answer them with. */
export const balancerScripts = {
  haproxyService: new URL("./haproxyService.sh", import.meta.url),
  virtualIp: new URL("./virtualIp.sh", import.meta.url),
  balancerCheck: new URL("./balancerCheck.sh", import.meta.url),
  balancerState: new URL("./balancerState.sh", import.meta.url),
  serverHealth: new URL("./serverHealth.sh", import.meta.url),
  externalBalancer: new URL("./externalBalancer.sh", import.meta.url),
  k3sBalancer: new URL("./k3sBalancer.sh", import.meta.url),
  k3sStop: new URL("./k3sStop.sh", import.meta.url),
} as const;
