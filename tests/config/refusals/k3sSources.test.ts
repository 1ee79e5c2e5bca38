import { hostKey, smallStack } from "../stack.ts";
import { k3s, refuses } from "./refusal.ts";

const sha256 = "0123456789abcdef".repeat(4);
const whole = (fault: string) =>
  `k3s-ha:registryCredentials ${fault}: set it like {"registry.example.com": {"username": "…", "password": "…"}}.`;
const like =
  "write it like k3s-airgap-images-amd64.tar.zst, https://mirror.example.com/images.tar.gz or /srv/images.tar";

refuses("where K3s comes from", [
  {
    name: "a binary without its sha256",
    config: k3s({ binary: "/srv/k3s" }),
    problems: [
      "k3s-ha:k3s.sha256 is missing, but k3s-ha:k3s.binary names a file on the hosts, which only a checksum can verify: copy the sha256 from the release's list of checksums.",
    ],
  },
  {
    name: "a mirror over http whose binary has no sum",
    config: k3s({ mirror: "http://mirror.example.com/k3s" }),
    problems: [
      "k3s-ha:k3s.mirror is \"http://mirror.example.com/k3s\", so anyone on the network between could replace K3s by another program: set k3s-ha:k3s.sha256 to the binary's sum from the release's list of checksums, use https://, or set k3s-ha:k3s.trustMirror to true for a network that only you control.",
    ],
  },
  {
    name: "a mirror over http, and agents whose binary has no sum",
    config: k3s({ mirror: "http://mirror.example.com/k3s", sha256, agentVersion: "v1.34.3+k3s1" }),
    problems: [
      'k3s-ha:k3s.mirror is "http://mirror.example.com/k3s", so anyone on the network between could replace K3s by another program for agents, since k3s-ha:k3s.sha256 is that of v1.35.0+k3s1, but they run v1.34.3+k3s1: use https://, or set k3s-ha:k3s.trustMirror to true for a network that only you control.',
    ],
  },
  {
    name: "a binary that is no path",
    config: k3s({ binary: "k3s", sha256 }),
    problems: [
      'k3s-ha:k3s.binary is "k3s", but has to be the absolute path of a file on the nodes: write it like /srv/k3s/k3s.',
    ],
  },
  {
    name: "a binary beside a mirror",
    config: k3s({ binary: "/srv/k3s", sha256, mirror: "https://mirror.example.com" }),
    problems: ["k3s-ha:k3s.mirror contradicts k3s-ha:k3s.binary, which disables downloads: remove one of them."],
  },
  {
    name: "a binary of another release than the agents'",
    config: k3s({ version: "v1.35.0+k3s3", binary: "/srv/k3s", sha256, agentVersion: "v1.35.0+k3s1" }),
    problems: [
      "k3s-ha:k3s.binary is of v1.35.0+k3s3, but k3s-ha:k3s.agentVersion has agents run v1.35.0+k3s1: remove one of them.",
    ],
  },
  {
    name: "images of another release than the agents'",
    config: k3s({
      version: "v1.35.0+k3s3",
      images: [{ source: "airgap.tar", sha256 }],
      agentVersion: "v1.35.0+k3s1",
    }),
    problems: [
      "k3s-ha:k3s.images[0] is of v1.35.0+k3s3, but k3s-ha:k3s.agentVersion has agents run v1.35.0+k3s1: remove one of them.",
    ],
  },
  {
    name: "images without a sha256",
    config: k3s({ images: [{ source: "/srv/images.tar" }] }),
    problems: [
      "k3s-ha:k3s.images[0].sha256 is missing and has to be a sha256 of 64 digits and letters a to f: run sha256sum on the archive.",
    ],
  },
  {
    name: "images that K3s would not import",
    config: k3s({ images: [{ source: "/srv/images.zip", sha256 }] }),
    problems: [
      `k3s-ha:k3s.images[0].source is "/srv/images.zip", but has to have the extension of an archive that K3s imports, such as .tar, .tar.gz or .tar.zst: ${like}.`,
    ],
  },
  {
    name: "images from a relative path",
    config: k3s({ images: [{ source: "../images.tar", sha256 }] }),
    problems: [
      `k3s-ha:k3s.images[0].source is "../images.tar", but has to be the name of a file of the release, a URL, or an absolute path on the nodes: ${like}.`,
    ],
  },
  {
    name: "images from a URL with a login, without showing it",
    config: k3s({ images: [{ source: "https://me:hunter2@mirror.example.com/images.tar", sha256 }] }),
    problems: [
      "k3s-ha:k3s.images[0].source is a value that may be secret and is not shown, but has to be a URL without a login, a query or a fragment, because the hosts store it in plain text: use a location that needs none.",
    ],
  },
  {
    name: "two archives of one name",
    config: k3s({
      images: [
        { source: "/srv/images.tar", sha256 },
        { source: "https://mirror.example.com/images.tar", sha256 },
      ],
    }),
    problems: [
      'k3s-ha:k3s.images[1] has the file name "images.tar" of k3s-ha:k3s.images[0] too, but K3s takes all archives from one directory: rename one of them.',
    ],
  },
  {
    name: "an endpoint that is no URL",
    config: k3s({ registries: { mirrors: { "docker.io": { endpoint: ["registry.example.com"] } } } }),
    problems: [
      'k3s-ha:k3s.registries.mirrors["docker.io"].endpoint[0] is "registry.example.com", but has to be an http or https URL without a login: write it like https://registry.example.com/v2.',
    ],
  },
  {
    name: "a login in plain text, without showing it",
    config: k3s({ registries: { configs: { "r.example.com": { tls: {}, auth: { password: "hunter2" } } } } }),
    problems: ['k3s-ha:k3s.registries.configs["r.example.com"].auth is not a setting: remove it (there are tls).'],
  },
  {
    name: "a registry that is not verified",
    config: k3s({ registries: { configs: { "r.example.com": { tls: { insecure_skip_verify: true } } } } }),
    problems: [
      'k3s-ha:k3s.registries.configs["r.example.com"].tls.insecure_skip_verify is not a setting: remove it (there are ca_file, cert_file and key_file).',
    ],
  },
  {
    name: "logins that are no JSON",
    config: { ...smallStack, registryCredentials: "me:hunter2" },
    problems: [whole("holds no JSON")],
  },
  {
    name: "logins of another shape",
    config: { ...smallStack, registryCredentials: '{"r.example.com": "me:hunter2"}' },
    problems: [whole("has to hold username and password, or identity_token, for each registry")],
  },
  {
    name: "half a login",
    config: { ...smallStack, registryCredentials: '{"r.example.com": {"username": "me"}}' },
    problems: [
      'k3s-ha:registryCredentials has an incomplete login for "r.example.com": set username and password, or identity_token.',
    ],
  },
  {
    name: "logins in plain text",
    config: { ...smallStack, registryCredentials: '{"r.example.com": {"identity_token": "hunter2"}}' },
    machine: { secretKeys: [] },
    problems: [
      'k3s-ha:registryCredentials is a secret in plain text in the stack\'s file: set it with "pulumi config set --secret k3s-ha:registryCredentials", and replace the secret, because it was exposed.',
    ],
  },
  {
    name: "a login that would travel in the clear",
    config: {
      ...k3s({ registries: { mirrors: { "docker.io": { endpoint: ["http://r.example.com:5000"] } } } }),
      registryCredentials: '{"r.example.com:5000": {"identity_token": "hunter2"}}',
    },
    problems: [
      'k3s-ha:k3s.registries.mirrors["docker.io"].endpoint[0] is "http://r.example.com:5000", but k3s-ha:registryCredentials has a login for r.example.com:5000, which would be sent unencrypted: write https://, or remove the login.',
    ],
  },
  {
    name: "a file of registries in serverConfig",
    config: k3s({ serverConfig: { "private-registry": "/srv/registries.yaml" } }),
    problems: [
      "k3s-ha:k3s.serverConfig.private-registry cannot be set here, since this program writes it from k3s-ha:k3s.registries: remove it, and use that.",
    ],
  },
  {
    name: "critical settings of servers on agents",
    config: k3s({ agentConfig: { "cluster-cidr": "10.0.0.0/16", "disable+": ["traefik"] } }),
    problems: [".cluster-cidr", '["disable+"]'].map(
      (key) =>
        `k3s-ha:k3s.agentConfig${key} cannot be set here, since it is a setting of servers, and agents ignore it: remove it, and use k3s-ha:k3s.serverConfig.`,
    ),
  },
  {
    name: "a single server in production",
    config: {
      ...smallStack,
      servers: { "server-1": { address: "198.51.100.11", hostKey } },
      safety: { production: true },
    },
    problems: [
      "k3s-ha:safety.production is true, but k3s-ha:servers has a single server, and losing it stops the API: add a second or a third one, or set it to false.",
    ],
  },
]);
