/** Watches of the API that a client keeps open. */
import assert from "node:assert/strict";
import https from "node:https";
import { eventually } from "./eventually.ts";
import type { Endpoint } from "./probe.ts";

/** A watch of the config maps of the default namespace, on one connection. */
export function openWatch({ server, ...tls }: Endpoint) {
  let seen = "";
  let ended = false;
  let open = false;
  const request = https.get(`${server}/api/v1/namespaces/default/configmaps?watch=1`, { ...tls, agent: false });
  request.on("response", (response) => {
    open = true;
    response.on("data", (chunk: Buffer) => (seen += chunk.toString()));
    response.on("close", () => (ended = true));
  });
  request.on("error", () => (ended = true));
  return {
    isOpen: () =>
      eventually(() => {
        assert.ok(open);
        return Promise.resolve();
      }, 30),
    seen: () => seen,
    hasEnded: () => ended,
    end: () => request.destroy(),
  };
}
