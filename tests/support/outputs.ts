/** What a component offers to its neighbours. */
import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { type Deployment, resourceNamed } from "./deploy.ts";

/** The value of an output of an `up` that has ended, whether it is secret or not. */
export function valueOf<T>(output: pulumi.Input<T>): Promise<pulumi.Unwrap<T>> {
  return new Promise((resolve, reject) => {
    pulumi.output(output).apply(resolve);
    // An output that stays unknown never resolves.
    setTimeout(() => {
      reject(new Error("the output is not known"));
    }, 1000).unref();
  });
}

/** What others can see of a component is what stands in the state: its fields are what it registers as outputs. */
export function assertRegistersItsFields(
  deployment: Deployment<unknown>,
  name: string,
  component: pulumi.ComponentResource,
): void {
  const fields = Object.keys(component).filter((field) => !field.startsWith("__") && field !== "urn");
  assert.notEqual(fields.length, 0);
  assert.deepEqual(Object.keys(resourceNamed(deployment, name).outputs ?? {}).toSorted(), fields.toSorted());
}
