import { chromium, type Browser } from "playwright-core";

/** What a browser without a network shows of a page, and what it complained of. */
export interface ShownPage {
  complaints: string[];
  /** Timelines by event and configuration, with the requests that are drawn. */
  charts: { event: string; configuration: string; answered: number; failed: number; isVisible: boolean }[];
}

/** Opens a page from a file in Debian's Chromium, offline. */
export async function showPage(path: string): Promise<ShownPage> {
  const browser: Browser = await chromium.launch({ executablePath: "/usr/bin/chromium" });
  try {
    const context = await browser.newContext({ offline: true });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("requestfailed", (request) => complaints.push(request.url()));
    await page.goto(`file://${path}`);
    const charts: ShownPage["charts"] = [];
    for (const figure of await page.locator("figure[data-event]").all()) {
      charts.push({
        event: (await figure.getAttribute("data-event")) ?? "",
        configuration: (await figure.getAttribute("data-configuration")) ?? "",
        answered: await figure.locator("g.answered circle").count(),
        failed: await figure.locator("g.failed circle").count(),
        isVisible: await figure.locator("svg").isVisible(),
      });
    }
    return { complaints, charts };
  } finally {
    await browser.close();
  }
}
