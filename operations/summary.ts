/** The table at the end of `make up`: what a person wants to know of a cluster, asked of the cluster itself. */
import Table from "cli-table3";

/** A node as kubectl reports it. */
export interface NodeSummary {
  name: string;
  role: string;
  ready: boolean;
  version: string;
  address: string;
}

/** What stands in the table. */
export interface Summary {
  nodes: readonly NodeSummary[];
  /** `https://address:port` of the API at the balancer. */
  apiEndpoint: string;
  /** What the API said when it was asked whether it is ready, through the balancer. */
  apiAnswer: string;
  /** The datastore and how it is reached, such as "MariaDB 11.8.3 at 198.51.100.20:3306, TLSv1.3 verified". */
  datastore: string;
  /** The newest backup, such as "20261123T094500Z, 1,204 rows, restored and checked". */
  lastBackup: string;
  /** What the run changed, such as "no changes". */
  changes: string;
}

/** The table, and the commands to try next. */
export function renderSummary(summary: Summary, stack: string): string {
  const plain = { style: { head: [], border: [] } };
  const nodes = new Table({ ...plain, head: ["node", "role", "state", "version", "address"] });
  for (const node of summary.nodes) {
    nodes.push([node.name, node.role, node.ready ? "Ready" : "NOT READY", node.version, node.address]);
  }
  const facts = new Table(plain);
  facts.push(
    ["API through the balancer", `${summary.apiEndpoint} (${summary.apiAnswer})`],
    ["datastore", summary.datastore],
    ["last backup", summary.lastBackup],
    ["this run", summary.changes],
  );
  const option = stack === "dev" ? "" : `STACK=${stack} `;
  return `${nodes.toString()}
${facts.toString()}

Try next:
  make kubectl ${option}ARGS='get pods --all-namespaces'
  make backup ${option}            take a backup now, and verify it
  make preview ${option}           see what a change of configuration would do
  make down ${option}              take it all away
`;
}
