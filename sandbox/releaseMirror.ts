/**
 * The sandbox's download server, a program of its own: `node releaseMirror.ts ADDRESS PORT DIRECTORY`. It serves what is
 * below the directory, laid out like GitHub's releases: `/<version>/k3s` and `/<version>/sha256sum-<architecture>.txt`
 * with the version's `+` written as `+` or `%2B`, and `/debian/`, an apt repository. Read only, plain HTTP.
 */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

const [address, port, directory] = process.argv.slice(2);
if (!address || !port || !directory) throw new Error("usage: releaseMirror.ts ADDRESS PORT DIRECTORY");

createServer((request, response) => {
  serve(directory, request, response).catch((error: unknown) => {
    console.error(request.url, error);
    if (!response.headersSent) response.statusCode = 500;
    response.end();
  });
}).listen(Number(port), address);

async function serve(root: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = localPath(root, request.url ?? "/");
  const found = path === undefined ? undefined : await stat(path).catch(() => undefined);
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.writeHead(405, { Allow: "GET, HEAD" }).end();
  } else if (path === undefined || !found?.isFile()) {
    response.writeHead(404, { "Content-Type": "text/plain" }).end("not found\n");
  } else {
    response.writeHead(200, {
      "Content-Type": "application/octet-stream",
      "Content-Length": found.size,
      "Last-Modified": found.mtime.toUTCString(),
    });
    if (request.method === "HEAD") response.end();
    else await pipeline(createReadStream(path), response);
  }
}

/** Where a URL's path is below the root; undefined when it would be somewhere else. */
function localPath(root: string, url: string): string | undefined {
  try {
    const parts = url
      .replace(/[?#].*$/, "")
      .split("/")
      .map(decodeURIComponent);
    return parts.some((part) => part === ".." || /[/\0]/.test(part)) ? undefined : join(root, ...parts);
  } catch {
    return undefined;
  }
}
