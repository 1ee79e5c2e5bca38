/** What a client of the cluster saw of one request. */
export interface Sample {
  /** When it began; milliseconds since 1970. */
  at: number;
  /** Milliseconds until its answer, or until it failed. */
  took: number;
  kind: "read" | "write";
  /** What went wrong; undefined when it was answered with success. */
  failure?: string;
  /** The client's port, if it came to a connection. */
  port?: number;
  /** What was written: the name of a ConfigMap; writes only. */
  object?: string;
  /** The server that answered, as the load balancer's log tells; undefined when it is not known. */
  servedBy?: string;
}

/** How late the client's own timers were: a delay of its own must not pass for one of the cluster's. */
export interface Lag {
  /** Milliseconds since 1970. */
  at: number;
  /** The longest delay since the one before, in milliseconds. */
  longest: number;
}

/** All that one client saw. */
export interface Observations {
  /** By the time they began. */
  samples: Sample[];
  lags: Lag[];
}

/** When a request was over. */
export function endOf(sample: Sample): number {
  return sample.at + sample.took;
}
