import * as pulumi from "@pulumi/pulumi";

/**
 * How many resources of one kind wait to be registered at the same time. Each holds some 640 promises of Pulumi's until it is,
 * 0.2 MB; the engine works on fewer at a time, four for each processor.
 */
const pendingWidth = 50;

/**
 * Makes a resource of each item, in order: the first fifty at once, and each further one when the one fifty places before
 * it is registered. One that fails holds up none but those that depend on it. Ends when all are made; fails as `make` does, and
 * then makes no further one.
 */
export async function makeInTurn<Item>(
  items: readonly Item[],
  make: (item: Item) => pulumi.Resource,
  width = pendingWidth,
): Promise<void> {
  const made: pulumi.Resource[] = [];
  for (const item of items) {
    const earlier = made[made.length - width];
    if (earlier !== undefined) await settled(earlier);
    made.push(make(item));
  }
}

/** Ends when a resource is registered or has failed; its other outputs still report the failure. */
function settled({ urn }: pulumi.Resource): Promise<void> {
  return new Promise((resolve) => {
    pulumi
      .recover(urn, () => "")
      .apply(() => {
        resolve();
      });
  });
}
