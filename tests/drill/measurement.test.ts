import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseBalancerLog, withServers } from "./balancerLog.ts";
import { measure } from "./measurement.ts";
import { Random } from "./random.ts";
import type { Sample } from "./sample.ts";
import { inRandomOrder } from "./sequence.ts";

const read = (at: number, took: number, failure?: string): Sample => ({ at, took, kind: "read", failure });

describe("a measurement", () => {
  test("counts requests that began in the window, and takes the gap from answer to answer", () => {
    const samples = [
      read(0, 10),
      read(100, 10),
      read(200, 50, "timeout"),
      read(300, 900),
      read(1400, 10),
      read(1500, 10),
    ];
    const { requests, failed, longestGap, gap, longestLag } = measure(
      {
        samples,
        lags: [
          { at: 500, longest: 40 },
          { at: 90_000, longest: 700 },
        ],
      },
      { from: 50, to: 1450 },
    );
    assert.deepEqual(
      { requests, failed, longestGap, gap, longestLag },
      {
        requests: 4,
        failed: 1,
        longestGap: 1090,
        gap: { from: 110, to: 1200 },
        longestLag: 40,
      },
    );
  });

  test("does not end an outage with the window that it began in", () => {
    const samples = [read(0, 10), read(100, 5000, "timeout"), read(6000, 10)];
    assert.equal(measure({ samples, lags: [] }, { from: 0, to: 200 }).longestGap, 6000);
  });

  test("without any answer lasts from the first request to the end of the last", () => {
    const samples = [read(0, 100, "timeout"), read(100, 400, "timeout")];
    assert.equal(measure({ samples, lags: [] }, { from: 0, to: 200 }).longestGap, 500);
  });
});

test("a load balancer's log tells who answered, by port and time, and not for another frontend", () => {
  const journal = `1764016222.500000 lb-1 haproxy[12]: 198.18.8.254:4000 [24/Nov/2026:20:30:22.123] kubernetes-api servers/server-1 1/0/25 3456 -- 3/2/1/0/0 0/0
1764016300.000000 lb-1 haproxy[12]: 198.18.8.254:4000 [24/Nov/2026:20:31:40.000] kubernetes-api servers/server-2 1/0/25 3456 -- 3/2/1/0/+1 0/0
1764016222.000000 lb-1 haproxy[13]: 198.18.8.254:4001 [24/Nov/2026:20:30:22.000] plain-api plain-servers/<NOSRV> -1/-1/0 0 SC 3/2/1/0/0 0/0
1764016222.000000 lb-1 haproxy[13]: [WARNING] Server servers/server-1 is DOWN`;
  const connections = parseBalancerLog(journal);
  assert.deepEqual(
    connections.map(({ server, frontend }) => `${frontend} ${server ?? "none"}`),
    ["kubernetes-api server-1", "kubernetes-api server-2", "plain-api none"],
  );
  const sample = (at: number, port: number): Sample => ({ at, took: 10, kind: "read", port });
  const served = withServers(
    [
      sample(1764016222490, 4000),
      sample(1764016299990, 4000),
      sample(1764016260000, 4000),
      sample(1764016222000, 4001),
    ],
    connections,
    "kubernetes-api",
  );
  assert.deepEqual(
    served.map(({ servedBy }) => servedBy),
    ["server-1", "server-2", undefined, undefined],
  );
});

test("the order of events is the same for the same seed, another for another, and keeps what has to come before", () => {
  const events = Array.from({ length: 12 }, (_, index) => ({
    name: String(index),
    ...(index === 3 ? { after: "9" } : {}),
  }));
  const order = (seed: number) => inRandomOrder(events, new Random(seed)).map(({ name }) => Number(name));
  assert.deepEqual(order(7), order(7));
  assert.notDeepEqual(order(7), order(8));
  for (let seed = 0; seed < 50; seed++) {
    assert.ok(order(seed).indexOf(9) < order(seed).indexOf(3), `seed ${seed}`);
    assert.deepEqual(
      order(seed).toSorted((a, b) => a - b),
      Array.from({ length: 12 }, (_, index) => index),
    );
  }
});
