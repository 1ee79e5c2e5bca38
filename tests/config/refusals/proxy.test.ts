import { smallStack } from "../stack.ts";
import { refuses } from "./refusal.ts";

const like = "write it like http://proxy.example.com:3128";
const proxy = (settings: Readonly<Record<string, unknown>>) => ({ ...smallStack, proxy: settings });
const http = "http://proxy.example.com:3128";
const direct =
  'has to be a DNS name, an IP address or a network: write it like example.com for a domain with its hosts, 192.0.2.10 or "10.0.0.0/8"';

refuses("a proxy", [
  {
    name: "a proxy that is no URL",
    config: proxy({ http: "proxy.example.com:3128" }),
    problems: [`k3s-ha:proxy.http is "proxy.example.com:3128", but has to be an http or https URL: ${like}.`],
  },
  {
    name: "a SOCKS proxy",
    config: proxy({ https: "socks5://proxy.example.com:1080" }),
    problems: [`k3s-ha:proxy.https is "socks5://proxy.example.com:1080", but has to be an http or https URL: ${like}.`],
  },
  {
    name: "a login in plain text, without showing it",
    config: proxy({ http: "http://me:hunter2@proxy.example.com:3128" }),
    problems: [
      `k3s-ha:proxy.http is a value that may be secret and is not shown, but has to be a URL without a login, which would be stored in plain text: ${like}, and set the login with "pulumi config set --secret k3s-ha:proxyCredentials".`,
    ],
  },
  {
    name: "a proxy with a path",
    config: proxy({ http: `${http}/proxy.pac` }),
    problems: [
      `k3s-ha:proxy.http is "${http}/proxy.pac", but has to be a URL without a path, a query or a fragment: ${like}.`,
    ],
  },
  {
    name: "an exception for everything",
    config: proxy({ http, noProxy: ["*"] }),
    problems: [
      'k3s-ha:proxy.noProxy[0] is "*", but has to be a part of what nodes reach, because with * nothing uses the proxy: remove it, or remove the proxy.',
    ],
  },
  {
    name: "exceptions in a form that some programs do not understand",
    config: proxy({ http, noProxy: ["*.example.com", "10.0.0.0/33", "example.com:443", "https://example.com"] }),
    problems: ["*.example.com", "10.0.0.0/33", "example.com:443", "https://example.com"].map(
      (entry, index) => `k3s-ha:proxy.noProxy[${index}] is "${entry}", but ${direct}.`,
    ),
  },
  {
    name: "exceptions and a login without a proxy",
    config: { ...proxy({ noProxy: ["example.com"] }), proxyCredentials: "me:hunter2" },
    problems: [
      "k3s-ha:proxy.noProxy is set, but there is no proxy: set k3s-ha:proxy.http, or remove it.",
      "k3s-ha:proxyCredentials is set, but there is no proxy: set k3s-ha:proxy.http, or remove it.",
    ],
  },
  {
    name: "a login without a password, without showing it",
    config: { ...proxy({ http }), proxyCredentials: "hunter2" },
    problems: ["k3s-ha:proxyCredentials has to be a user and a password: write it like user:password."],
  },
  {
    name: "a login that is not encrypted",
    config: { ...proxy({ http }), proxyCredentials: "me:hunter2" },
    machine: { secretKeys: [] },
    problems: [
      'k3s-ha:proxyCredentials is a secret in plain text in the stack\'s file: set it with "pulumi config set --secret k3s-ha:proxyCredentials", and replace the secret, because it was exposed.',
    ],
  },
]);
