import { writtenBy } from "../host/writtenBy.ts";

/**
 * A drop-in that brings a service of the distribution back by itself, at once and however often it died: what it
 * serves is what everything else waits for. A stop that does not end is cut short: systemd on Debian 12 was seen to
 * wait out the whole of it, 90 s, for processes that had been killed.
 */
export function renderRestartDropIn(): string {
  return `# ${writtenBy}
[Unit]
StartLimitIntervalSec=0

[Service]
Restart=always
RestartSec=100ms
TimeoutStopSec=2s
`;
}
