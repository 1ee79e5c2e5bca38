/** A stand-in for the `random` plugin 4.21.2. Started by the Pulumi engine. */
import { serve } from "../provider/serve.ts";
import { randomBytes, randomId } from "./bytes.ts";
import { randomInteger, randomShuffle, randomUuid } from "./choice.ts";
import { randomPassword, randomString } from "./text.ts";

await serve({
  name: "random",
  version: "4.21.2",
  resources: {
    "random:index/randomPassword:RandomPassword": randomPassword,
    "random:index/randomString:RandomString": randomString,
    "random:index/randomId:RandomId": randomId,
    "random:index/randomBytes:RandomBytes": randomBytes,
    "random:index/randomInteger:RandomInteger": randomInteger,
    "random:index/randomShuffle:RandomShuffle": randomShuffle,
    "random:index/randomUuid:RandomUuid": randomUuid,
  },
});
