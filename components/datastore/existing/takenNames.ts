import * as pulumi from "@pulumi/pulumi";

/** The server on which names may be in use. */
export interface TakenNamesArgs {
  /** The database server, for messages. */
  address: string;
  database: string;
}

/**
 * Says what to do when the mysql plugin finds the schema or a user there already, which it tells by no more than the
 * server's error. To be a resource's `onError`; nothing is tried again.
 */
export function explainTakenNames(name: string, args: TakenNamesArgs, parent: pulumi.Resource): pulumi.ErrorHook {
  return new pulumi.ErrorHook(name, ({ errors, newInputs }) => {
    const fault = takenNameFault(errors[0] ?? "", { ...args, ...newInputs });
    if (fault !== undefined) void pulumi.log.error(fault, parent);
    return false;
  });
}

/** The sentence with the remedy for an error of the plugin's, or undefined when it is another one. */
export function takenNameFault(
  error: string,
  { address, database, user = "", host = "" }: TakenNamesArgs & { user?: string; host?: string },
): string | undefined {
  if (/\bError 1007\b/.test(error)) {
    return `the schema "${database}" exists at ${address} and does not belong to this stack. A destroyed cluster leaves its schema behind: if that cluster no longer exists, or the schema is empty, drop it (DROP DATABASE \`${database}\`); otherwise choose another k3s-ha:datastore.existing.database`;
  }
  if (/\bError 1396\b/.test(error)) {
    return `the user '${user}'@'${host}' exists at ${address} and does not belong to this stack. If an interrupted run left it behind, drop it (DROP USER '${user}'@'${host}'); otherwise choose another k3s-ha:datastore.existing.user`;
  }
  return undefined;
}
