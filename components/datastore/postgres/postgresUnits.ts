import { writtenBy } from "../../host/writtenBy.ts";

/**
 * A drop-in for PostgreSQL's clusters that brings one back a moment after it died, and however often: also when it started
 * before its address was there, which Debian's unit takes for an end.
 */
export function renderPostgresDropIn(firewallUnit: string): string {
  return `# ${writtenBy}
[Unit]
After=${firewallUnit}.service
StartLimitIntervalSec=0

[Service]
Restart=always
RestartSec=200ms
`;
}
