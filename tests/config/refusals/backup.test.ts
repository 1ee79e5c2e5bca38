import { exampleKeys } from "../../../components/config/exampleKeys.ts";
import { ageRecipient, hostKey, smallStack } from "../stack.ts";
import { backup, host, refuses } from "./refusal.ts";

const exampleRecipient = exampleKeys[0] ?? "";
const exampleHostKey = `ssh-ed25519 ${exampleKeys[1] ?? ""}`;
const drillKey = `AGE-SECRET-KEY-1${"Q".repeat(58)}`;
const mistyped = ageRecipient.replace(/.$/, (last) => (last === "q" ? "p" : "q"));

refuses("backups", [
  {
    name: "a schedule of three fields",
    config: backup({ schedule: "* * *" }),
    problems: [
      'k3s-ha:backup.schedule is "* * *", but has to be a cron expression of five fields, and this has 3: write minute, hour, day of month, month and day of week, such as "17 * * * *".',
    ],
  },
  {
    name: "a schedule of six fields",
    config: backup({ schedule: "0 17 * * * *" }),
    problems: [
      'k3s-ha:backup.schedule is "0 17 * * * *", but has to be a cron expression of five fields, and this has 6: write minute, hour, day of month, month and day of week, such as "17 * * * *".',
    ],
  },
  {
    name: "a schedule's macro",
    config: backup({ schedule: "@hourly" }),
    problems: [
      'k3s-ha:backup.schedule is "@hourly", but has to be a cron expression of five fields, and this has 1: write minute, hour, day of month, month and day of week, such as "17 * * * *".',
    ],
  },
  {
    name: "a schedule that is left to chance",
    config: backup({ schedule: "H * * * *" }),
    problems: [
      'k3s-ha:backup.schedule is "H * * * *", but has to say its times, and "H" leaves one to chance, another in every run: write the number itself.',
    ],
  },
  {
    name: "a schedule out of range",
    config: backup({ schedule: "60 * * * *" }),
    problems: [
      'k3s-ha:backup.schedule is "60 * * * *", but has to be a valid cron expression (Constraint error, got value 60 expected range 0-59): correct that field.',
    ],
  },
  {
    name: "a schedule that never fires",
    config: backup({ schedule: "0 0 30 2 *" }),
    problems: [
      'k3s-ha:backup.schedule is "0 0 30 2 *" and never fires in the next 5 years, so no backup would ever be taken: choose a day that its month has.',
    ],
  },
  {
    name: "a schedule that is no text",
    config: backup({ schedule: 17 }),
    problems: [
      'k3s-ha:backup.schedule is 17, but has to be a cron expression: write it in quotes, such as "17 * * * *".',
    ],
  },
  {
    name: "no backups kept",
    config: backup({ keep: 0 }),
    problems: [
      "k3s-ha:backup.keep is 0, but has to be a whole number of at least 1: write the number of verified backups to keep.",
    ],
  },
  {
    name: "half a backup kept",
    config: backup({ keep: 1.5 }),
    problems: [
      "k3s-ha:backup.keep is 1.5, but has to be a whole number of at least 1: write the number of verified backups to keep.",
    ],
  },
  {
    name: "a relative directory of backups",
    config: backup({ directory: "backups" }),
    problems: [
      'k3s-ha:backup.directory is "backups", but has to be an absolute path of letters, digits, "-", "_", "." and "/", with no part that is empty or begins with ".": write it like /var/backups/k3s-ha.',
    ],
  },
  {
    name: "a directory of metrics by a way that systemd does not take",
    config: backup({ metricsDirectory: "/srv/a/../b" }),
    problems: [
      'k3s-ha:backup.metricsDirectory is "/srv/a/../b", but has to be an absolute path of letters, digits, "-", "_", "." and "/", with no part that is empty or begins with ".": write it like /var/backups/k3s-ha.',
    ],
  },
  {
    name: "a host of backups that there is none of",
    config: backup({ host: "db-2" }),
    problems: [
      'k3s-ha:backup.host is "db-2", but no host of the stack has that name: write one of server-1, server-2, lb-1 and db-1, or describe another host in backup.dedicated.',
    ],
  },
  {
    name: "two hosts of backups",
    config: backup({ host: "db-1", dedicated: { name: "backup-1", host: host("198.51.100.60") } }),
    problems: [
      "k3s-ha:backup.host is set, and so is backup.dedicated, but one host takes the backups: remove one of the two.",
    ],
  },
  {
    name: "a negative number of generations",
    config: backup({ daily: -1 }),
    problems: [
      "k3s-ha:backup.daily is -1, but has to be a whole number from 0 to 1000: write the number of days whose last backup is kept.",
    ],
  },
  {
    name: "a recipient that was mistyped",
    config: backup({ recipients: [mistyped] }),
    problems: ["k3s-ha:backup.recipients[0] has a wrong checksum: copy it again."],
  },
  {
    name: "a recipient that is none",
    config: backup({ recipients: ["ssh-ed25519 AAAA"] }),
    problems: [
      'k3s-ha:backup.recipients[0] is "ssh-ed25519 AAAA", but has to be a public age key: write the line age1… that age-keygen prints.',
    ],
  },
  {
    name: "a private key in the place of a recipient",
    config: backup({ recipients: ["AGE-SECRET-KEY-1HUNTER2"] }),
    problems: [
      "k3s-ha:backup.recipients[0] is a private key, which must not be on any host: write its public key (age-keygen -y prints it), and create a new pair, because this one was exposed.",
    ],
  },
  {
    name: "a copy of unknown kind",
    config: backup({ copy: { remote: {}, path: "k3s" } }),
    problems: ["k3s-ha:backup.copy.remote.type is missing: write rclone's type of the store, such as sftp or s3."],
  },
  {
    name: "an SFTP host that is trusted unseen",
    config: backup({ copy: { remote: { type: "sftp", host: "203.0.113.90" }, path: "k3s" } }),
    problems: [
      "k3s-ha:backup.copy.hostKeys is missing, but every host key has to be pinned: list the SFTP host's public keys, as in its /etc/ssh/ssh_host_*_key.pub.",
    ],
  },
  {
    name: "an SFTP host without an address",
    config: backup({ copy: { remote: { type: "sftp" }, hostKeys: [hostKey], path: "k3s" } }),
    problems: ["k3s-ha:backup.copy.remote.host is missing: write the address of the SFTP host."],
  },
  {
    name: "host keys of an object store",
    config: backup({ copy: { remote: { type: "s3" }, hostKeys: [hostKey], path: "k3s" } }),
    problems: ['k3s-ha:backup.copy.hostKeys is for remotes of type sftp only, but this one is "s3": remove it.'],
  },
  {
    name: "a secret of a store in plain text",
    config: backup({ copy: { remote: { type: "s3", secret_access_key: "hunter2" }, path: "k3s" } }),
    problems: [
      "k3s-ha:backup.copy.remote.secret_access_key is a secret in plain text: write it as a line of the secret k3s-ha:backupCopyCredentials, and replace it, because it was exposed.",
    ],
  },
  ...Object.entries({
    "an application key of B2": ["b2", "key"],
    "an account's key of Azure": ["azureblob", "key"],
    "a shared access signature of Azure": ["azureblob", "sas_url"],
    "an access grant of Storj": ["storj", "access_grant"],
    "a passphrase of Storj": ["storj", "passphrase"],
    "a key that objects of S3 are encrypted with": ["s3", "sse_customer_key"],
    "a password of WebDAV": ["webdav", "pass"],
    "a header of WebDAV": ["webdav", "headers"],
    "a token of Google": ["drive", "token"],
    "a service account of Google": ["gcs", "service_account_credentials"],
  }).map(([name, [type = "", setting = ""]]) => ({
    name,
    config: backup({ copy: { remote: { type, [setting]: "hunter2" }, path: "k3s" } }),
    problems: [
      `k3s-ha:backup.copy.remote.${setting} is a secret in plain text: write it as a line of the secret k3s-ha:backupCopyCredentials, and replace it, because it was exposed.`,
    ],
  })),
  {
    name: "a login in the address of a store",
    config: backup({ copy: { remote: { type: "webdav", url: "https://me:hunter2@dav.example.com" }, path: "k3s" } }),
    problems: [
      "k3s-ha:backup.copy.remote.url is a secret in plain text: write it as a line of the secret k3s-ha:backupCopyCredentials, and replace it, because it was exposed.",
    ],
  },
  {
    name: "copies over ftp",
    config: backup({ copy: { remote: { type: "ftp", host: "203.0.113.90" }, path: "k3s" } }),
    problems: [
      'k3s-ha:backup.copy.remote.type is "ftp", which would send the login and the backups unencrypted: set explicit_tls to true beside it, if that host supports TLS, or use sftp.',
    ],
  },
  {
    name: "copies over ftp to an unverified host",
    config: backup({
      copy: { remote: { type: "ftp", host: "203.0.113.90", tls: true, no_check_certificate: true }, path: "k3s" },
    }),
    problems: [
      "k3s-ha:backup.copy.remote.no_check_certificate is true, so any host that answers there gets the login and the backups: remove it.",
    ],
  },
  {
    name: "copies over plain http",
    config: backup({ copy: { remote: { type: "s3", endpoint: "http://s3.example.com" }, path: "k3s" } }),
    problems: [
      'k3s-ha:backup.copy.remote.endpoint is "http://s3.example.com", which would send the login and the backups unencrypted: write https://.',
    ],
  },
  {
    name: "copies over plain WebDAV",
    config: backup({ copy: { remote: { type: "webdav", url: "HTTP://dav.example.com" }, path: "k3s" } }),
    problems: [
      'k3s-ha:backup.copy.remote.url is "HTTP://dav.example.com", which would send the login and the backups unencrypted: write https://.',
    ],
  },
  {
    name: "copies over WebDAV of some kind",
    config: backup({ copy: { remote: { type: "webdav", url: "dav.example.com" }, path: "k3s" } }),
    problems: ['k3s-ha:backup.copy.remote.url is "dav.example.com", which has no scheme: write https://.'],
  },
  {
    name: "plain http among the credentials of a copy",
    config: { ...smallStack, backupCopyCredentials: "url = http://me:hunter2@dav.example.com" },
    problems: [
      "k3s-ha:backupCopyCredentials has url begin with http://, which would send the login and the backups unencrypted: write https://.",
    ],
  },
  {
    name: "a webhook over http",
    config: { ...smallStack, backupFailureWebhook: "http://chat.example.com/hooks/hunter2" },
    problems: [
      "k3s-ha:backupFailureWebhook begins with http://, which would send the messages and the secret address unencrypted: write https://.",
    ],
  },
  {
    name: "the recipient of the documentation",
    config: backup({ recipients: [exampleRecipient] }),
    problems: [
      `k3s-ha:backup.recipients[0] is the example key ${exampleRecipient} of this project's documentation, so you could not open a backup: create a key with age-keygen, and write its public key.`,
    ],
  },
  {
    name: "the host key of the documentation",
    config: backup({
      copy: { remote: { type: "sftp", host: "203.0.113.90" }, hostKeys: [exampleHostKey], path: "k3s" },
    }),
    problems: [
      "k3s-ha:backup.copy.hostKeys[0] is the example key of this project's documentation, not a key of your host: write a key of the SFTP host, from its /etc/ssh/ssh_host_*_key.pub.",
    ],
  },
  {
    name: "credentials of a copy that are neither settings nor a key",
    config: { ...smallStack, backupCopyCredentials: "hunter2" },
    problems: [
      "k3s-ha:backupCopyCredentials has to be lines of rclone.conf such as secret_access_key = …, or an SSH private key: write one setting a line, without the [section].",
    ],
  },
  {
    name: "a webhook that is no URL",
    config: { ...smallStack, backupFailureWebhook: "hunter2" },
    problems: ["k3s-ha:backupFailureWebhook has to be a URL: write it like https://chat.example.com/hooks/…."],
  },
  {
    name: "a drill that never happens",
    config: backup({ recipients: [], drill: { schedule: "0 0 30 2 *" } }),
    problems: [
      'k3s-ha:backup.drill.schedule is "0 0 30 2 *" and never fires in the next 5 years, so no backup would ever be taken: choose a day that its month has.',
    ],
  },
  {
    name: "drills that could open no backup",
    config: backup({ recipients: [ageRecipient], drill: {} }),
    problems: [
      'k3s-ha:backup.drill is missing, but drills need the private key of one of backup.recipients: set it with "pulumi config set --secret k3s-ha:backupDrillIdentity", or remove the drills.',
    ],
  },
  {
    name: "a key for drills where there are none",
    config: { ...backup({ recipients: [ageRecipient] }), backupDrillIdentity: drillKey },
    problems: ["k3s-ha:backupDrillIdentity is set, but there are no drills, so no key is needed: remove it."],
  },
  {
    name: "a key for drills where nothing is encrypted",
    config: { ...backup({ recipients: [], drill: {} }), backupDrillIdentity: drillKey },
    problems: ["k3s-ha:backupDrillIdentity is set, but backups are not encrypted, so no key is needed: remove it."],
  },
  {
    name: "a key for drills that is none",
    config: { ...backup({ recipients: [ageRecipient], drill: {} }), backupDrillIdentity: "hunter2" },
    problems: [
      "k3s-ha:backupDrillIdentity has to be a private age key: write the line AGE-SECRET-KEY-1… that age-keygen prints.",
    ],
  },
  {
    name: "a command of two lines",
    config: backup({ onFailure: "a\nb" }),
    problems: [
      "k3s-ha:backup.onFailure is a value that may be secret and is not shown, but has to be a shell command on one line: write it like mail -s backup root.",
    ],
  },
]);
