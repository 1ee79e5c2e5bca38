/**
 * The API while that happens to a cluster which no other test makes happen to one: each event within its limit, and no
 * acknowledged write lost. What clients saw is in `drill-results/`, as after `make drill`, which has all events.
 */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { projectDirectory } from "../../operations/workspace.ts";
import { down } from "../../sandbox/sandbox.ts";
import { showPage } from "../drill/browser.ts";
import { DrillCluster } from "../drill/cluster.ts";
import { holdDrill } from "../drill/drill.ts";
import { eventsOfDrillAlone } from "../drill/events.ts";
import { renderPage } from "../drill/page.ts";
import { renderTable } from "../drill/report.ts";
import { configurations, describeLimit, type DrillResults, gapLimit } from "../drill/results.ts";
import { sixHosts } from "../drill/shape.ts";

/** Fewer than clients write while these events happen, the datastore's 30 s among them. `make drill` has a thousand. */
const writes = 300;

let results: DrillResults;
const page = join(projectDirectory, "drill-results", "drill.html");

before(async () => {
  const only = eventsOfDrillAlone.map(({ name }) => name);
  results = await holdDrill(await DrillCluster.create(sixHosts), { seed: randomInt(2 ** 31), only, writes });
  console.log(renderTable(results));
  await mkdir(join(page, ".."), { recursive: true });
  await writeFile(page, renderPage(results));
});

after(() => down());

for (const { name, title } of eventsOfDrillAlone) {
  test(`${title}: the API answers within the limit`, () => {
    const event = results.events.find((each) => each.name === name);
    assert.ok(event !== undefined, `${name} did not happen`);
    const { failed, requests, longestGap, longestLag, samples } = event.measurements["k3s-ha"];
    const seen = `at most ${describeLimit(event)}; seed ${results.seed}, own delay ${longestLag.toFixed(0)} ms: ${JSON.stringify(samples.filter(({ failure }) => failure !== undefined))}`;
    assert.ok(requests > 50, `only ${requests} requests`);
    assert.ok(failed <= (event.limit.failed ?? Infinity), `${failed} failed, ${seen}`);
    assert.ok(longestGap <= (gapLimit(event) ?? Infinity), `no answer for ${longestGap.toFixed(0)} ms, ${seen}`);
  });
}

test("every one of hundreds of acknowledged writes is there after all of it", () => {
  assert.ok(results.writes.acknowledged >= writes, `only ${results.writes.acknowledged} writes`);
  assert.deepEqual(results.writes.lost, []);
});

test("nothing fails outside of the events", () => {
  assert.equal(results.failedBetween["k3s-ha"], 0);
});

test("it is known of nearly every answer which server gave it", () => {
  const answered = results.events
    .flatMap(({ measurements }) => configurations.flatMap((each) => measurements[each].samples))
    .filter(({ failure }) => failure === undefined);
  const known = answered.filter(({ servedBy }) => servedBy !== undefined);
  assert.ok(known.length > 0.95 * answered.length, `${known.length} of ${answered.length}`);
});

test("the page shows every event in both configurations, with as many requests as there were", async () => {
  const { complaints, charts } = await showPage(page);
  assert.deepEqual(complaints, []);
  assert.deepEqual(
    charts,
    results.events.flatMap(({ name, measurements }) =>
      configurations.map((configuration) => {
        const { requests, failed } = measurements[configuration];
        return { event: name, configuration, answered: requests - failed, failed, isVisible: true };
      }),
    ),
  );
});
