import { host, servers, refuses } from "./refusal.ts";
import { hostKey, smallStack } from "../stack.ts";

refuses("SSH", [
  {
    name: "no way to log in",
    config: smallStack,
    machine: { environment: { HOME: "/nowhere/home" } },
    problems: [
      "k3s-ha:ssh.privateKeyFile is missing, and so are k3s-ha:sshPrivateKey and an SSH agent (SSH_AUTH_SOCK is not set): name the file of a private key, set the secret k3s-ha:sshPrivateKey, or start an SSH agent with the key.",
    ],
  },
  {
    name: "a private key twice",
    config: {
      ...smallStack,
      sshPrivateKey: "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
      ssh: { privateKeyFile: "/nowhere/key" },
    },
    problems: [
      "k3s-ha:sshPrivateKey contradicts k3s-ha:ssh.privateKeyFile, which also sets a private key: remove one of them.",
    ],
  },
  {
    name: "a private key in plain text",
    config: { ...smallStack, sshPrivateKey: "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n" },
    machine: { secretKeys: [] },
    problems: [
      'k3s-ha:sshPrivateKey is a secret in plain text in the stack\'s file: set it with "pulumi config set --secret k3s-ha:sshPrivateKey", and replace the secret, because it was exposed.',
    ],
  },
  {
    name: "a text that is no private key",
    config: { ...smallStack, sshPrivateKey: "hunter2" },
    problems: ["k3s-ha:sshPrivateKey holds no private key: use a complete key, from -----BEGIN … to -----END …."],
  },
  {
    name: "a public key as a private one",
    config: { ...smallStack, sshPrivateKey: hostKey },
    problems: ["k3s-ha:sshPrivateKey holds a public key: use the private key, which is the file without .pub."],
  },
  {
    name: "a private key with a passphrase",
    config: {
      ...smallStack,
      sshPrivateKey: "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    },
    problems: [
      "k3s-ha:sshPrivateKey holds a private key with a passphrase, which this program cannot enter: use the SSH agent, or a key without a passphrase.",
    ],
  },
  {
    name: "a missing key file",
    config: { ...smallStack, ssh: { privateKeyFile: "keys/id" } },
    problems: [
      'k3s-ha:ssh.privateKeyFile is "keys/id" (/nowhere/keys/id), a file that does not exist: create it or correct the path.',
    ],
  },
  {
    name: "a missing key file of one host",
    config: servers({
      "server-3": host("198.51.100.13", { privateKeyFile: "~/id" }),
      "server-4": host("198.51.100.14", { privateKeyFile: "~/id" }),
    }),
    problems: [
      'k3s-ha:servers.server-3.privateKeyFile is "~/id" (/nowhere/home/id), a file that does not exist: create it or correct the path.',
    ],
  },
  {
    name: "another user's home",
    config: { ...smallStack, ssh: { privateKeyFile: "~admin/id" } },
    problems: [
      'k3s-ha:ssh.privateKeyFile is "~admin/id", which names an unknown home directory: write ~/ with HOME set, or an absolute path.',
    ],
  },
  {
    name: "a missing file of known hosts",
    config: { ...smallStack, ssh: { knownHostsFile: "/nowhere/known_hosts" } },
    problems: [
      'k3s-ha:ssh.knownHostsFile is "/nowhere/known_hosts", a file that does not exist: create it or correct the path.',
    ],
  },
  {
    name: "a host without a host key",
    config: servers({ "server-3": { address: "198.51.100.13", port: 2022 } }),
    problems: [
      'k3s-ha:servers.server-3.hostKey is missing and ssh.knownHostsFile is not set, but every host key has to be pinned: run "ssh-keyscan -t ed25519 -p 2022 198.51.100.13", compare the key with /etc/ssh/ssh_host_ed25519_key.pub on the host itself, and write it here as "ssh-ed25519 AAAA…".',
    ],
  },
  {
    name: "a bastion without a host key",
    config: { ...smallStack, ssh: { bastion: { address: "203.0.113.9", port: 2022 } } },
    problems: [
      'k3s-ha:ssh.bastion.hostKey is missing and ssh.knownHostsFile is not set, but every host key has to be pinned: run "ssh-keyscan -t ed25519 -p 2022 203.0.113.9", compare the key with /etc/ssh/ssh_host_ed25519_key.pub on the host itself, and write it here as "ssh-ed25519 AAAA…".',
    ],
  },
  {
    name: "a host without a host key behind a bastion",
    config: {
      ...servers({ "server-3": { address: "198.51.100.13" } }),
      ssh: { bastion: host("203.0.113.9") },
    },
    problems: [
      'k3s-ha:servers.server-3.hostKey is missing and ssh.knownHostsFile is not set, but every host key has to be pinned: run "ssh-keyscan -t ed25519 -p 22 198.51.100.13" on the bastion 203.0.113.9, compare the key with /etc/ssh/ssh_host_ed25519_key.pub on the host itself, and write it here as "ssh-ed25519 AAAA…".',
    ],
  },
  {
    name: "a bastion as a mere address",
    config: { ...smallStack, ssh: { bastion: "203.0.113.9" } },
    problems: [
      'k3s-ha:ssh.bastion is "203.0.113.9", but has to be a map of settings: indent address, user, port, privateKeyFile and hostKey below it.',
    ],
  },
  {
    name: "a missing key file of a bastion",
    config: { ...smallStack, ssh: { bastion: host("203.0.113.9", { privateKeyFile: "/nowhere/bastion" }) } },
    problems: [
      'k3s-ha:ssh.bastion.privateKeyFile is "/nowhere/bastion", a file that does not exist: create it or correct the path.',
    ],
  },
  {
    name: "a bastion that a bastion leads to",
    config: servers({
      "server-3": host("198.51.100.13", {
        bastion: host("203.0.113.9", { bastion: host("203.0.113.8") }),
      }),
    }),
    problems: [
      "k3s-ha:servers.server-3.bastion.bastion is not a setting: move it to k3s-ha:ssh.bastion, or remove it (there are address, hostKey, port, privateKeyFile and user).",
    ],
  },
  {
    name: "a host that is its own bastion",
    config: servers({ "server-3": host("198.51.100.13", { bastion: host("198.51.100.13") }) }),
    problems: [
      "k3s-ha:servers.server-3.bastion is the host itself, at the same address and port: remove it, or write the address of another host.",
    ],
  },
  {
    name: "no time to connect",
    config: { ...smallStack, ssh: { connectSeconds: 0 } },
    problems: [
      "k3s-ha:ssh.connectSeconds is 0, but has to be a whole number from 1 to 600: write the seconds for one attempt to connect.",
    ],
  },
  {
    name: "too little time for a step",
    config: { ...smallStack, ssh: { commandSeconds: 30 } },
    problems: [
      "k3s-ha:ssh.commandSeconds is 30, but has to be a whole number from 60 to 86400: write the seconds for one step on a host.",
    ],
  },
]);
