/** The page shows, in a real browser without a network, what the results hold. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { inTemporaryDirectory } from "../support/temporaryDirectory.ts";
import { showPage } from "./browser.ts";
import { measure } from "./measurement.ts";
import { renderPage } from "./page.ts";
import type { DrillResults } from "./results.ts";
import type { Sample } from "./sample.ts";

const begin = Date.UTC(2026, 0, 1);
const samples = (count: number, failedFrom: number, failedTo: number): Sample[] =>
  Array.from({ length: count }, (_, index) => ({
    at: begin + index * 100,
    took: 10,
    kind: "read",
    ...(index >= failedFrom && index < failedTo ? { failure: "ECONNRESET" } : { servedBy: "server-1" }),
  }));
const window = { from: begin, to: begin + 10_000 };

const results: DrillResults = {
  seed: 1,
  startedAt: new Date(begin).toISOString(),
  load: 0.1,
  processors: 2,
  shape: "six",
  hosts: ["lb-1"],
  version: "v1.35.0+k3s1",
  events: [
    {
      name: "an-event",
      title: "An event <of> note",
      happened: "this & that",
      window,
      moments: [{ at: begin + 2000, what: "begins" }],
      limit: { gap: 1500 },
      downtime: 0,
      measurements: {
        "k3s-ha": measure({ samples: samples(90, 20, 30), lags: [] }, window),
        plain: measure({ samples: samples(90, 20, 70), lags: [] }, window),
      },
    },
  ],
  writes: { acknowledged: 3, lost: [] },
  failedBetween: { "k3s-ha": 0, plain: 0 },
};

test("the page shows every request of every event in both configurations, and complains of nothing", () =>
  inTemporaryDirectory(async (directory) => {
    const path = join(directory, "drill.html");
    await writeFile(path, renderPage(results));
    assert.deepEqual(await showPage(path), {
      complaints: [],
      charts: [
        { event: "an-event", configuration: "k3s-ha", answered: 80, failed: 10, isVisible: true },
        { event: "an-event", configuration: "plain", answered: 40, failed: 50, isVisible: true },
      ],
    });
  }));
