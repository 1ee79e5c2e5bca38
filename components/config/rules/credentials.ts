import { longestRotatedUser } from "../../datastore/engine/credentialRotation.ts";
import { configPath } from "../configPath.ts";
import { type Problem, shown } from "../problem.ts";
import type { Configuration } from "../schema.ts";

/** A rotation of credentials is possible, and a leak is that of the credentials before it. */
export function unusableCredentialRotation({ datastore }: Configuration): Problem[] {
  return [...leakOfNoRotation(datastore?.managed), ...userTooLong(datastore?.existing)];
}

function leakOfNoRotation(managed: NonNullable<Configuration["datastore"]>["managed"]): Problem[] {
  const { credentialRotation, credentialsLeaked } = managed ?? {};
  if (credentialsLeaked === undefined || credentialsLeaked === credentialRotation) return [];
  const path = configPath("datastore", "managed", "credentialsLeaked");
  const rotation = configPath("datastore", "managed", "credentialRotation");
  const fault =
    credentialRotation === undefined
      ? `is ${shown(credentialsLeaked)}, but without ${rotation} there are no new users to change to: set both to one new value`
      : `is ${shown(credentialsLeaked)}, but ${rotation} is ${shown(credentialRotation)}: if the users of before that rotation leaked, write its value here; otherwise remove it`;
  return [{ path, fault }];
}

function userTooLong(existing: NonNullable<Configuration["datastore"]>["existing"]): Problem[] {
  if (existing?.credentialRotation === undefined || existing.user.length <= longestRotatedUser) return [];
  const fault = `is ${shown(existing.user)}, but a rotation adds characters to a user's name, and MySQL takes 32: choose one of at most ${longestRotatedUser} characters`;
  return [{ path: configPath("datastore", "existing", "user"), fault }];
}
