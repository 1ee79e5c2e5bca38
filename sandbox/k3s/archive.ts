/** Tar archives whose bytes depend on their content alone: no clock, no user, no order of a directory listing. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { pack, type Pack } from "tar-stream";

/** One thing in an archive. */
export type Entry =
  | { readonly kind: "directory"; readonly path: string; readonly mode?: number }
  | { readonly kind: "link"; readonly path: string; readonly target: string }
  | { readonly kind: "file"; readonly path: string; readonly content: string | Buffer; readonly mode?: number }
  | { readonly kind: "copy"; readonly path: string; readonly from: string; readonly mode?: number };

/** Streams a tar archive of `entries`, in their order. */
export function archive(entries: readonly Entry[]): Pack {
  const stream = pack();
  write(stream, entries).catch((error: unknown) => {
    stream.destroy(error instanceof Error ? error : new Error(String(error)));
  });
  return stream;
}

/** The same, in memory: for small ones. */
export function archiveBuffer(entries: readonly Entry[]): Promise<Buffer> {
  return buffer(archive(entries));
}

async function write(stream: Pack, entries: readonly Entry[]): Promise<void> {
  for (const entry of entries) {
    const header = { name: entry.path, mtime: new Date(0), uid: 0, gid: 0 };
    switch (entry.kind) {
      case "directory":
        stream.entry({ ...header, type: "directory", mode: entry.mode ?? 0o755 });
        break;
      case "link":
        stream.entry({ ...header, type: "symlink", linkname: entry.target, mode: 0o777 });
        break;
      case "file":
        stream.entry({ ...header, mode: entry.mode ?? 0o644 }, entry.content);
        break;
      case "copy": {
        const { size } = await stat(entry.from);
        await pipeline(createReadStream(entry.from), stream.entry({ ...header, size, mode: entry.mode ?? 0o644 }));
        break;
      }
    }
  }
  stream.finalize();
}
