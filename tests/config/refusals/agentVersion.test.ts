import { k3s, refuses } from "./refusal.ts";

const version = "v1.35.0+k3s1";

refuses("agents' release", [
  {
    name: "one that is newer than the servers'",
    config: k3s({ version, agentVersion: "v1.35.0+k3s3" }),
    problems: [
      "k3s-ha:k3s.agentVersion is v1.35.0+k3s3, which is newer than the servers' v1.35.0+k3s1, but a kubelet must not be newer than the API: upgrade the servers first, by k3s-ha:k3s.version, or remove agentVersion.",
    ],
  },
  {
    name: "one that is too old for them",
    config: k3s({ version, agentVersion: "v1.31.9+k3s1" }),
    problems: [
      "k3s-ha:k3s.agentVersion is v1.31.9+k3s1, more than 3 minor versions behind the servers' v1.35.0+k3s1, but a kubelet must not be older than that: set a newer release, or remove agentVersion.",
    ],
  },
]);
