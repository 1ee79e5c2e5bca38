// Proves, against rclone itself, that no setting of any store which holds a secret may stand in plain configuration.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { execa } from "execa";
import { isSecretSetting } from "../../components/config/rules/backupCopy.ts";

interface Provider {
  readonly Name: string;
  /** `Sensitive` is of rclone 1.64 and later, and marks names and addresses too. */
  readonly Options: readonly { readonly Name: string; readonly IsPassword: boolean; readonly Sensitive?: boolean }[];
}

/** Settings of today's rclone, and of later ones, that hold a secret without being marked as a password. */
const secrets = [
  ...[
    "account_key",
    "api_key",
    "access_grant",
    "access_token",
    "application_credential_secret",
    "auth_token",
    "authorization",
  ],
  ...["bearer_token", "client_certificate_password", "client_secret", "connection_string", "cookie", "headers", "key"],
  ...[
    "key_pem",
    "link_password",
    "otp_secret_key",
    "passphrase",
    "permanent_token",
    "plex_token",
    "private_access_key",
  ],
  ...["refresh_token", "sas_url", "secret_access_key", "service_account_credentials", "session_token"],
  ...["sse_customer_key", "sse_customer_key_base64", "token"],
];

/** Settings that describe a place, and that a configuration cannot do without. */
const places = [
  ...[
    "type",
    "host",
    "user",
    "port",
    "endpoint",
    "region",
    "provider",
    "access_key_id",
    "account",
    "bucket_policy_only",
  ],
  ...[
    "url",
    "vendor",
    "env_auth",
    "key_file",
    "known_hosts_file",
    "auth_url",
    "auth_version",
    "token_url",
    "storage_class",
  ],
  ...["sse_kms_key_id", "server_side_encryption", "service_account_file", "tls", "explicit_tls", "acl", "tenant"],
  ...["application_credential_id", "application_credential_name", "use_msi", "chunk_size", "hard_delete", "domain"],
];

describe("a setting of rclone", () => {
  it("is a secret where rclone itself takes it for a password", async () => {
    const { stdout } = await execa("rclone", ["config", "providers"]);
    const passwords = (JSON.parse(stdout) as Provider[]).flatMap(({ Name, Options }) =>
      Options.filter(({ IsPassword }) => IsPassword).map((option) => `${Name} ${option.Name}`),
    );
    assert.ok(passwords.length > 10, "rclone lists no passwords");
    assert.deepEqual(
      passwords.filter((option) => !isSecretSetting(option.split(" ").at(-1) ?? "")),
      [],
    );
  });

  it("is a secret where it holds one under another name", () => {
    assert.deepEqual(
      secrets.filter((name) => !isSecretSetting(name)),
      [],
    );
  });

  it("is none if it names a place", () => {
    assert.deepEqual(places.filter(isSecretSetting), []);
  });
});
