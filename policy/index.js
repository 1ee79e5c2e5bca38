// JavaScript, because the SDK would compile a TypeScript entry with its own old compiler; Node runs the rest as it is.
import "./pack.ts";
