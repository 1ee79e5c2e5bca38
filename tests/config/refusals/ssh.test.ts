import { host, servers, refuses } from "./refusal.ts";
import { hostKey, smallStack } from "../stack.ts";

refuses("SSH", [
  {
    name: "no way to log in",
    config: smallStack,
    machine: { environment: { HOME: "/nowhere/home" } },
    problems: [
      "k3s-ha:ssh.privateKeyFile is missing, and there is no k3s-ha:sshPrivateKey and no SSH agent either (SSH_AUTH_SOCK is not set): name a private key's file, set the secret k3s-ha:sshPrivateKey, or start an SSH agent that holds the key.",
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
      "k3s-ha:sshPrivateKey contradicts k3s-ha:ssh.privateKeyFile, which gives a private key too: remove one of them.",
    ],
  },
  {
    name: "a private key in plain text",
    config: { ...smallStack, sshPrivateKey: "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n" },
    machine: { secretKeys: [] },
    problems: [
      'k3s-ha:sshPrivateKey stands in plain text in the stack\'s file, but is a secret: set it with "pulumi config set --secret k3s-ha:sshPrivateKey", and replace the secret, since it has been seen.',
    ],
  },
  {
    name: "a text that is no private key",
    config: { ...smallStack, sshPrivateKey: "hunter2" },
    problems: ["k3s-ha:sshPrivateKey holds no private key: give a whole one, from -----BEGIN … to -----END …."],
  },
  {
    name: "a public key as a private one",
    config: { ...smallStack, sshPrivateKey: hostKey },
    problems: ["k3s-ha:sshPrivateKey holds a public key: give the private one, which is the file without .pub."],
  },
  {
    name: "a private key with a passphrase",
    config: {
      ...smallStack,
      sshPrivateKey: "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    },
    problems: [
      "k3s-ha:sshPrivateKey holds a private key with a passphrase, which nobody is there to type: use the SSH agent, or a key without one.",
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
      'k3s-ha:ssh.privateKeyFile is "~admin/id", which names no home directory that is known: write ~/ with HOME set, or an absolute path.',
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
      'k3s-ha:servers.server-3.hostKey is missing and ssh.knownHostsFile is not set, but no host is trusted unseen: run "ssh-keyscan -t ed25519 -p 2022 198.51.100.13", compare the key with /etc/ssh/ssh_host_ed25519_key.pub on the host itself, and put it here as "ssh-ed25519 AAAA…".',
    ],
  },
]);
