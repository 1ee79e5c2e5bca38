// Proves that Pulumi.yaml, docs/configuration.md and the stacks of this project agree with the schema. What Pulumi makes
// of Pulumi.yaml is proved by every run of a stack.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import * as yaml from "yaml";
import { exampleKeys } from "../../components/config/exampleKeys.ts";
import { reservedSettings } from "../../components/config/k3sSetting.ts";
import { keyNames, secretKeys, sections } from "../../components/config/schema.ts";
import {
  bastionReference,
  hostReference,
  hostsFileReference,
  hostsOutputReference,
  renderReference,
  secretReference,
  sectionReference,
} from "./reference.ts";
import { hostKey, parse, problemsOf, type StackConfig } from "./stack.ts";

const root = join(import.meta.dirname, "../..");

function read(file: string): string {
  return readFileSync(join(root, file), "utf8");
}

/** Rows of the Markdown tables that have this many columns, without the tables' heads. */
function tableRows(markdown: string, columns: number): string[][] {
  return markdown
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
    .filter((cells) => cells.length === columns && !/^(-+|Refused)$/.test(cells[0] ?? ""));
}

/** The configuration with a key for every host, in place of those that a file or a user would add. */
function withHostKeys(config: StackConfig): StackConfig {
  return JSON.parse(JSON.stringify(config), (name, value: unknown) =>
    name !== "virtualIp" && typeof value === "object" && value !== null && "address" in value
      ? { ...value, hostKey }
      : value,
  ) as StackConfig;
}

/** A stack's configuration as its file has it, without the namespace. */
function configIn(text: string): StackConfig {
  const { config } = yaml.parse(text) as { config: Record<string, unknown> };
  return Object.fromEntries(Object.entries(config).map(([key, value]) => [key.replace(/^k3s-ha:/, ""), value]));
}

describe("docs/configuration.md", () => {
  const sectionKeys = keyNames.filter((key): key is keyof typeof sections => key in sections);
  const lists = new Map([
    ["host", hostReference()],
    ["hosts from a file", hostsFileReference()],
    ["hosts from another stack", hostsOutputReference()],
    ["bastion", bastionReference()],
    ["secrets", secretReference()],
    ...sectionKeys.map((key) => [key, sectionReference(key)] as const),
  ]);
  const list = /(<!-- settings: (.*) -->\n)[^]*?(\n<!-- end of settings -->)/g;
  const documentation = read("docs/configuration.md");

  it("lists every setting of the schema, with its type, default and meaning", () => {
    assert.deepEqual(
      [...documentation.matchAll(list)].map(([, , name]) => name).toSorted(),
      [...lists.keys()].toSorted(),
    );
    const expected = documentation.replace(
      list,
      (_, begin: string, name: string, end: string) => `${begin}\n${renderReference(lists.get(name) ?? [])}\n${end}`,
    );
    if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(join(root, "docs/configuration.md"), expected);
    else assert.equal(documentation, expected, "UPDATE_GOLDEN=1 with this test writes the lists again");
  });

  it("names exactly the settings of K3s that are refused", () => {
    const notKeys = ["agentConfig", "etcd-…"];
    const named = tableRows(documentation, 2).flatMap(([keys = ""]) =>
      [...keys.matchAll(/`([^`]+)`/g)].map(([, key = ""]) => key).filter((key) => !notKeys.includes(key)),
    );
    const refused = new Set([...Object.keys(reservedSettings.server), ...Object.keys(reservedSettings.agent)]);
    assert.deepEqual(named.toSorted(), [...refused].toSorted());
  });

  it("begins with a configuration that is accepted, given the hosts' keys", () => {
    const example = /```yaml\n([^]*?)```/.exec(documentation)?.[1] ?? "";
    const { ssh, ...config } = configIn(example);
    assert.deepEqual(ssh, { knownHostsFile: "known_hosts" });
    const { warnings } = parse(withHostKeys(config), { isPreview: true });
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? "", /^An update would stop: k3s-ha:backup\.recipients\[0\] is the example key /);
  });
});

describe("Pulumi.yaml", () => {
  const project = yaml.parse(read("Pulumi.yaml")) as {
    config: Record<string, { type?: string; description?: string; default?: unknown; secret?: boolean }>;
  };

  it("declares every key of the schema, in its order, and no other", () => {
    assert.deepEqual(Object.keys(project.config), [...keyNames]);
    for (const { description = "" } of Object.values(project.config)) assert.match(description, /^[A-Z].*\.$/);
  });

  it("makes mandatory exactly the keys that have to be set", () => {
    const withoutDefault = Object.entries(project.config).filter(([, { default: standard }]) => standard === undefined);
    assert.deepEqual(
      withoutDefault.map(([key]) => key),
      ["servers", "loadBalancer", "k3s"],
    );
    const hasToBeSet = keyNames.filter(
      (key) => key in sections && !sections[key as keyof typeof sections].safeParse({}).success,
    );
    assert.deepEqual(hasToBeSet, ["servers", "loadBalancer", "k3s"]);
  });

  it("declares maps as objects, and secrets as secrets without a type, which could have no default", () => {
    for (const [key, { type, secret, default: standard }] of Object.entries(project.config)) {
      if (key in secretKeys)
        assert.deepEqual({ type, secret, standard }, { type: undefined, secret: true, standard: "" });
      else assert.deepEqual({ type, secret }, { type: "object", secret: undefined });
    }
  });
});

describe("the stacks of this project", () => {
  it("hold no key that an update would not know for an example", () => {
    const pages = ["README.md", "Pulumi.prod.yaml", ...readdirSync(join(root, "docs")).map((name) => `docs/${name}`)];
    const keys = pages
      .filter((page) => /\.(md|yaml)$/.test(page))
      .flatMap((page) => read(page).match(/age1[02-9ac-hj-np-z]{58}|AAAA[BCE][A-Za-z0-9+/]{30,}=*/g) ?? []);
    assert.deepEqual(new Set(keys), new Set(exampleKeys));
  });

  it("prod is complete, as highly available as this version can be, and without a secret", () => {
    const config = configIn(read("Pulumi.prod.yaml"));
    const machine = { projectDirectory: root };
    // A preview continues where an update stops: with a missing secret, and with the keys of the example.
    const { settings, warnings } = parse(config, { ...machine, isPreview: true });
    const [password, ...examples] = warnings;
    assert.equal(
      password,
      'An update would stop: k3s-ha:datastoreAdminPassword is missing, but k3s-ha:datastore.existing.adminUser logs in with it: set it with "pulumi config set --secret k3s-ha:datastoreAdminPassword".',
    );
    assert.equal(examples.length, exampleKeys.length);
    for (const warning of examples) assert.match(warning, /^An update would stop: k3s-ha:\S+ is the example key /);
    assert.deepEqual(
      problemsOf({ ...config, datastoreAdminPassword: "a secret" }, machine).toSorted(),
      examples.map((warning) => warning.replace("An update would stop: ", "")).toSorted(),
    );
    assert.equal(settings.datastore.existing?.engine, "mysql");
    assert.notEqual(settings.backup?.copy, undefined);
    assert.equal(Object.keys(settings.loadBalancer.hosts).length, 2);
    assert.notEqual(settings.loadBalancer.virtualIp, undefined);
    assert.equal(Object.keys(settings.servers).length, 3);
    assert.doesNotMatch(read("Pulumi.prod.yaml"), /PRIVATE KEY|secure:/);
    const keys = Object.values(settings.hosts).map(({ host }) => host.hostKey);
    assert.equal(new Set(keys).size, keys.length, "two hosts of the example have one host key");
  });

  it("dev is complete except for the files that the sandbox makes", () => {
    const { ssh, ...config } = configIn(read("Pulumi.dev.yaml"));
    assert.deepEqual(Object.keys(ssh as object), ["privateKeyFile", "knownHostsFile"]);
    const { settings, warnings } = parse(withHostKeys(config));
    // Nothing in the sandbox is worth a key.
    assert.deepEqual(
      warnings.map((warning) => /^\S+ \S+ \S+ \S+/.exec(warning)?.[0]),
      ["k3s-ha:backup names no recipients,"],
    );
    assert.deepEqual(Object.keys(settings.hosts), ["server-1", "server-2", "agent-1", "lb-1", "db-1"]);
  });
});
