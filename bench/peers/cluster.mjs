// Draws a document many times with puppeteer-cluster and prints posters a second, between the first finished and the
// last. Standard input has, as JSON: binary, mode, workers, html, warmUp, posters, width, height, quick (Chromium's quick
// PNG encoder), sandbox.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { Cluster } from "puppeteer-cluster";
import puppeteer from "puppeteer";

const asked = JSON.parse(readFileSync(0, "utf8"));

const cluster = await Cluster.launch({
  puppeteer,
  concurrency: Cluster[`CONCURRENCY_${asked.mode}`],
  maxConcurrency: asked.workers,
  puppeteerOptions: {
    executablePath: asked.binary,
    headless: "shell",
    args: ["--font-render-hinting=none", ...(asked.sandbox ? [] : ["--no-sandbox"])],
    defaultViewport: { width: asked.width, height: asked.height },
  },
});

const failures = [];
cluster.on("taskerror", (error) => failures.push(error));

await cluster.task(async ({ page }) => {
  const number = randomBytes(3).toString("hex");
  await page.setContent(asked.html.replaceAll("{number}", number), { waitUntil: "load" });
  const picture = await page.screenshot({ type: "png", optimizeForSpeed: asked.quick });
  if (picture.length === 0) throw new Error("an empty picture");
  moments.push(performance.now());
});

let moments = [];
const draw = async (count) => {
  moments = [];
  for (let number = 0; number < count; number += 1) cluster.queue(number);
  await cluster.idle();
};

await draw(asked.warmUp);
await draw(asked.posters);
await cluster.close();
if (failures.length > 0) throw failures[0];
const seconds = (moments[moments.length - 1] - moments[0]) / 1000;
console.log(JSON.stringify({ rate: (moments.length - 1) / seconds, posters: moments.length }));
