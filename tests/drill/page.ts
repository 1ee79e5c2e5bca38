import { failureColour, legend, renderChart } from "./chart.ts";
import { summarySentences } from "./report.ts";
import {
  configurations,
  type Configuration,
  describeLimit,
  type DrillResults,
  type EventResult,
  isWithinLimit,
  seconds,
} from "./results.ts";

const names: Record<Configuration, string> = {
  "k3s-ha": "k3s-ha",
  plain: "plain: option tcp-check, inter 5s, fall 3, connect 10s",
};

const style = `
:root { color-scheme: light dark; --paper: #fff; --ink: #1c2024; --soft: #5c6670; --line: #d8dde2; --good: #1a7f37; --bad: ${failureColour}; }
@media (prefers-color-scheme: dark) { :root { --paper: #15191d; --ink: #e6e9ec; --soft: #9aa5b0; --line: #333b43; --good: #4ac26b; --bad: #ff6a69; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 0 auto; max-width: 1400px; padding: 1.5rem 2rem 4rem; }
h1 { font-size: 1.6rem; margin: 0 0 .3rem; } h2 { font-size: 1.15rem; margin: 0; }
a { color: inherit; } p { margin: .2rem 0; max-width: 60rem; } .soft, figcaption { color: var(--soft); }
table { border-collapse: collapse; margin: 1.2rem 0; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .28rem .9rem .28rem 0; border-bottom: 1px solid var(--line); } th { font-weight: 600; }
.kept, .broken { white-space: nowrap; } .kept { color: var(--good); font-weight: 600; } .broken { color: var(--bad); font-weight: 600; }
.legend span { display: inline-block; margin-right: 1.4rem; } .legend i { display: inline-block; width: .7rem; height: .7rem; border-radius: 50%; margin-right: .4rem; }
section { border-top: 1px solid var(--line); margin-top: 2rem; padding-top: 1.2rem; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); gap: 1.5rem; margin-top: .8rem; }
figure { margin: 0; } figure svg { width: 100%; height: auto; --plot-background: var(--paper); }
figcaption b { color: var(--ink); }
`;

const escaped = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

function verdict(event: EventResult, configuration: Configuration): string {
  return isWithinLimit(event, configuration)
    ? `<span class="kept">kept</span>`
    : `<span class="broken">not kept</span>`;
}

function figure(event: EventResult, configuration: Configuration): string {
  const { failed, requests, longestGap } = event.measurements[configuration];
  return `<figure data-event="${event.name}" data-configuration="${configuration}">
<figcaption><b>${names[configuration]}</b><br>${failed} of ${requests} failed, longest gap ${seconds(longestGap)}: ${verdict(event, configuration)}</figcaption>
${renderChart(event, configuration)}
</figure>`;
}

function row(event: EventResult): string {
  const cells = configurations.flatMap((configuration) => {
    const { failed, requests, longestGap } = event.measurements[configuration];
    return [`${failed} of ${requests}`, seconds(longestGap), verdict(event, configuration)];
  });
  const link = `<a href="#${event.name}">${escaped(event.title)}</a>`;
  return `<tr><td>${[link, escaped(describeLimit(event)), ...cells].join("</td><td>")}</td></tr>`;
}

/** The drill as one HTML page that needs nothing beside itself: no script, no network. */
export function renderPage(results: DrillResults): string {
  const sections = results.events.map(
    (event) => `<section id="${event.name}">
<h2>${escaped(event.title)}</h2>
<p class="soft">${escaped(event.happened)}. At most: ${escaped(describeLimit(event))}.</p>
<div class="pair">
${configurations.map((configuration) => figure(event, configuration)).join("\n")}
</div>
</section>`,
  );
  const heads = ["failed", "longest gap", ""];
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,">
<title>k3s-ha: the drill</title>
<style>${style}</style>
<h1>What clients saw while a cluster was broken</h1>
<p>Every dot is one request over a TLS connection of its own: a read of /readyz every 0.1 s, a write every 0.5 s; higher
means a later answer. Two clients watched the same events at the same time: one at the balancers of k3s-ha, one at plain ones on the same hosts.</p>
<p class="soft">${escaped(results.startedAt.slice(0, 16).replace("T", " "))} UTC, K3s ${escaped(results.version)} at the end, hosts ${results.hosts.join(", ")}.</p>
${summarySentences(results)
  .map((sentence) => `<p class="soft">${escaped(sentence)}</p>`)
  .join("\n")}
<table>
<tr><th>event<th>at most${configurations.map((name) => heads.map((head) => `<th>${name} ${head}`).join("")).join("")}</tr>
${results.events.map(row).join("\n")}
</table>
<p class="legend">${legend.map(([name, colour]) => `<span><i style="background:${colour}"></i>${name}</span>`).join("")}</p>
${sections.join("\n")}
</html>
`;
}
