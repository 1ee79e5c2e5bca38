/** Has `import "k3s-ha"` mean the components of this checkout, which is the installed package in any other program. */
import { registerHooks } from "node:module";

const components = new URL("../../components/index.ts", import.meta.url).href;

registerHooks({
  resolve: (specifier, context, nextResolve) => nextResolve(specifier === "k3s-ha" ? components : specifier, context),
});
