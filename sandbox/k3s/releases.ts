/** The K3s releases the sandbox can make: one to start with, and a later one to upgrade to. */

/** Where the source of a release is, and how to know that it is the right one. */
export interface Release {
  /** Version of the Go module `github.com/k3s-io/k3s` that the release was tagged on. */
  readonly moduleVersion: string;
  /** Hash of the module's content as `go.sum` writes it. The source's own go.sum then checks everything below it. */
  readonly moduleSum: string;
}

export const releases = {
  "v1.35.0+k3s1": {
    moduleVersion: "v1.35.1-0.20260110003449-04e8f1b5ecda",
    moduleSum: "h1:/EGYeN5VkZzdjWdMBzt0VZPLBQAcKqrM7BeYqF3vyvI=",
  },
  "v1.35.0+k3s3": {
    moduleVersion: "v1.35.1-0.20260131041455-e69d18614fbf",
    moduleSum: "h1:vjjr8a8xi/4DjGCqdqdXFS1hlmSXkXoi0IAxyE3egsU=",
  },
} as const satisfies Record<string, Release>;

/** A K3s version that the sandbox can make. */
export type K3sVersion = keyof typeof releases;

/** When and from what a release was made, as it says itself. */
export interface Provenance {
  readonly commit: string;
  readonly date: string;
}

/** Reads the commit and its time from the module version, so that a release is the same bytes whenever it is built. */
export function provenanceOf(release: Release): Provenance {
  const match = /(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)-([0-9a-f]{12})$/.exec(release.moduleVersion);
  if (!match) throw new Error(`${release.moduleVersion} is not a pseudo-version: it contains no commit`);
  const [, year, month, day, hour, minute, second, commit = ""] = match;
  return { commit, date: `${year}-${month}-${day}T${hour}:${minute}:${second}Z` };
}
