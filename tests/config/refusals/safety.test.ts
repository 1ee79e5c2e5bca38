import { smallStack } from "../stack.ts";
import { refuses } from "./refusal.ts";

refuses("what guards the stack", [
  {
    name: "production as text",
    config: { ...smallStack, safety: { production: "yes" } },
    problems: ['k3s-ha:safety.production is "yes", but has to be true or false: write true for a production stack.'],
  },
  {
    name: "protection as a number",
    config: { ...smallStack, safety: { protectDatastore: 1 } },
    problems: [
      "k3s-ha:safety.protectDatastore is 1, but has to be true or false: write false to let Pulumi delete the datastore's resources.",
    ],
  },
]);
