/** As a program, makes the bare image in the cache that XDG_CACHE_HOME names, for tests that kill it. */
import { imageOf } from "../../sandbox/image.ts";

await imageOf("bare");
