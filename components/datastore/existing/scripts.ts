/** Scripts that act on an existing database server. */
export const existingScripts = {
  existingSchema: new URL("./existingSchema.sh", import.meta.url),
} as const;
