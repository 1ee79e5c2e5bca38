import { host, managed, servers, without, refuses } from "./refusal.ts";
import { smallStack } from "../stack.ts";

refuses("keys", [
  {
    name: "an unknown key",
    config: { ...smallStack, severs: {} },
    problems: [
      "k3s-ha:severs is not a setting: rename it to servers, or remove it (there are agentPools, backup, backupCopyCredentials, backupDrillIdentity, backupFailureWebhook, datastore, datastoreAdminPassword, datastoreEndpoint, k3s, loadBalancer, proxy, proxyCredentials, registryCredentials, safety, servers, ssh and sshPrivateKey).",
    ],
  },
  {
    name: "a key that is like no other",
    config: { ...smallStack, telemetry: true },
    problems: [
      "k3s-ha:telemetry is not a setting: remove it (there are agentPools, backup, backupCopyCredentials, backupDrillIdentity, backupFailureWebhook, datastore, datastoreAdminPassword, datastoreEndpoint, k3s, loadBalancer, proxy, proxyCredentials, registryCredentials, safety, servers, ssh and sshPrivateKey).",
    ],
  },
  {
    name: "an unknown setting of a host",
    config: servers({ "server-3": host("198.51.100.13", { hostkey: "x" }) }),
    problems: [
      "k3s-ha:servers.server-3.hostkey is not a setting: rename it to hostKey, or remove it (there are address, adopt, bastion, config, hostKey, labels, lost, nodeAddress, port, privateKeyFile, secondaryNodeAddress, taints and user).",
    ],
  },
  {
    name: "settings of K3s for one server only, which are those of all",
    config: servers({ "server-2": host("198.51.100.12", { serverConfig: { "cluster-cidr": "10.1.0.0/16" } }) }),
    problems: [
      "k3s-ha:servers.server-2.serverConfig is not a setting: move it to k3s-ha:k3s.serverConfig, or remove it (there are address, adopt, bastion, config, hostKey, labels, lost, nodeAddress, port, privateKeyFile, secondaryNodeAddress, taints and user).",
    ],
  },
  {
    name: "an unknown setting, without its value",
    config: { ...smallStack, ssh: { password: "hunter2" } },
    problems: [
      "k3s-ha:ssh.password is not a setting: remove it (there are bastion, commandSeconds, connectSeconds, knownHostsFile, port, privateKeyFile and user).",
    ],
  },
  {
    name: "an unknown setting of the managed datastore",
    config: managed({ pasword: "hunter2" }),
    problems: [
      "k3s-ha:datastore.managed.pasword is not a setting: remove it (there are bufferPoolMebibytes, certificateRotation, credentialRotation, credentialsLeaked, database, engine, firewall, host, hosts, majorityLost, name, onServer, peerPort, port, quotaGibibytes and startsEmpty).",
    ],
  },
  {
    name: "a key that is no map",
    config: { ...smallStack, backup: "hourly" },
    problems: [
      "k3s-ha:backup is not a map: indent its settings below it, or set single ones with pulumi config set --path.",
    ],
  },
  {
    name: "a map that is a list",
    config: { ...smallStack, agentPools: [] },
    problems: [
      "k3s-ha:agentPools is [], but has to be a map: write it like workers: {hosts: {agent-1: {address: 203.0.113.41}}}.",
    ],
  },
  {
    name: "a host without settings",
    config: servers({ "server-3": null }),
    problems: [
      "k3s-ha:servers.server-3 is null, but has to be a map of settings: indent address, nodeAddress, secondaryNodeAddress, user, port, privateKeyFile, hostKey, bastion, adopt, labels, taints, config and lost below it.",
    ],
  },
  {
    name: "an encrypted map",
    config: smallStack,
    machine: { secretKeys: ["k3s-ha:servers"] },
    problems: [
      "k3s-ha:servers is encrypted, but only sshPrivateKey, datastoreEndpoint, datastoreAdminPassword, registryCredentials, proxyCredentials, backupCopyCredentials, backupDrillIdentity and backupFailureWebhook may hold secrets, because the program writes all other settings to the hosts in plain text: set it without --secret.",
    ],
  },
  {
    name: "no servers",
    config: without("servers"),
    problems: [
      "k3s-ha:servers has no server: add at least one, or three for high availability, like server-1: {address: 203.0.113.11}.",
    ],
  },
  {
    name: "a missing load balancer",
    config: without("loadBalancer"),
    problems: [
      "k3s-ha:loadBalancer.hosts has no host, and k3s-ha:loadBalancer.external is missing: add the host that runs HAProxy, or two for high availability, like lb-1: {address: 203.0.113.30}; or name a load balancer of your own, like external: {address: k8s.example.com}.",
    ],
  },
  {
    name: "a missing datastore",
    config: without("datastore"),
    problems: [
      "k3s-ha:datastore names no datastore, but the cluster needs one: add managed with a host for MariaDB or PostgreSQL, like {name: db-1, host: {address: 203.0.113.20}}, existing with a MySQL or MariaDB server, endpoint, or embedded for a single server: {engine: sqlite}.",
    ],
  },
  {
    name: "a missing k3s",
    config: without("k3s"),
    problems: ["k3s-ha:k3s.version is missing and has to be a K3s release: write it like v1.35.0+k3s1."],
  },
]);
