// Proves what is made for the SQLite database of K3s, and what is refused about it before any host is reached. That K3s lives on
// it, and that it is backed up and restored, the sandbox proves.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import {
  ownDatastoreHost,
  provisionDatastore,
  restoreDriver,
  statusPlace,
} from "../../../components/datastore/datastoreKinds.ts";
import { renamedServerFault } from "../../../components/datastore/embedded/sqliteDatastore.ts";
import { datastoreMoveFault } from "../../../components/k3s/serverGuard.ts";
import { assertSafeCommands } from "../../support/commandRules.ts";
import { deploy, resourceNamed, scriptOf, tree } from "../../support/deploy.ts";
import { valueOf } from "../../support/outputs.ts";
import { sampleHost } from "../../support/sampleHosts.ts";

const choice = { embedded: { engine: "sqlite" as const } };
const servers = { "server-1": sampleHost(11) };
const token = pulumi.secret("0123456789abcdef-token");

describe("an SQLite database", () => {
  it("is marked on the host of the only server before K3s starts, and gives K3s no setting", async () => {
    const deployment = await deploy(() => provisionDatastore("datastore", choice, { servers, token }));
    assert.equal(
      tree(deployment),
      `datastore  k3s-ha:index:SQLiteDatastore
  datastore-file  command:remote:Command
  datastore-packages  command:remote:Command
`,
    );
    assertSafeCommands(deployment, []);
    const { servers: needs, admits, backup, endpoint, caCertificate } = deployment.result;
    assert.deepEqual([needs.config, needs.secretConfig, needs.environment], [{}, {}, {}]);
    assert.deepEqual(await valueOf(pulumi.output(needs.identity)), {
      addresses: [],
      schema: "embedded SQLite",
      startTls: "",
    });
    assert.deepEqual(Object.keys(admits), ["server-1"]);
    assert.deepEqual([await valueOf(endpoint), await valueOf(caCertificate)], ["", ""]);
    assert.ok(backup !== undefined);
    const { source, database } = await valueOf(backup.settings);
    assert.equal(`${source}/${database}`, "server-1/state.db");
    assert.deepEqual(backup.packages, ["sqlite3"]);
    assert.match(scriptOf(resourceNamed(deployment, "datastore-file")), /^starts_empty=false$/m);
  });

  it("is refused two servers by the component too", async () => {
    await assert.rejects(
      deploy(() =>
        provisionDatastore("datastore", choice, { servers: { ...servers, "server-2": sampleHost(12) }, token }),
      ),
      /has 2 servers, but SQLite is a file on the disk of one of them, which no other can use: name exactly one server, or choose another datastore/,
    );
  });

  it("is looked for on the server by the host check, by status and by a restore", () => {
    assert.deepEqual(ownDatastoreHost(choice), { embedded: "sqlite" });
    assert.equal(statusPlace(choice).serverStatus?.teller, "tell_sqlite");
    assert.equal(restoreDriver(choice)?.role, "server");
  });

  it("keeps its server's name", () => {
    assert.equal(renamedServerFault("server-1", "server-1"), undefined);
    assert.equal(
      renamedServerFault("server-1", "server-2"),
      'The cluster is in the SQLite database on server-1, but k3s-ha:servers now has server-2 instead, where K3s would make an empty cluster. Give the server its name server-1 back. To move to another host, give server-1 that host\'s address, run "make backup" before and "make restore" after, as docs/datastores.md describes.',
    );
  });

  it("is left by the program's own move only, and never moved to", () => {
    const [sqlite, mysql] = ["embedded SQLite", "198.51.100.20:3306/k3s"];
    const sentence = (before: string, after: string) =>
      `server-1 uses the datastore ${before}, but k3s-ha:datastore is now ${after}, and this program moves a cluster only from SQLite to a managed MariaDB, if k3s-ha:datastore.movingFrom is sqlite. Revert the change; or create a second cluster with the new datastore, as another stack, move the workloads there, and destroy this one, as docs/day-two.md describes.`;
    assert.equal(datastoreMoveFault("server-1", sqlite, mysql, sqlite), sentence(sqlite, mysql));
    assert.equal(datastoreMoveFault("server-1", mysql, sqlite, mysql), sentence(mysql, sqlite));
    assert.equal(datastoreMoveFault("server-1", sqlite, mysql, "sqlite"), undefined);
    assert.equal(datastoreMoveFault("server-1", mysql, sqlite, "sqlite"), sentence(mysql, sqlite));
    assert.equal(datastoreMoveFault("server-1", sqlite, sqlite, undefined), undefined);
  });
});
