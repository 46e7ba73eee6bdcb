// Update the progress bars of unfinished jobs with one request a second for all of them.
const open = new Map([...document.querySelectorAll("progress[data-job]")].map((bar) => [bar.dataset.job, bar]));

async function poll() {
  if (!open.size) return;
  const [bar] = open.values();
  const query = new URLSearchParams([...open.keys()].map((job) => ["job", job]));
  const answer = await fetch(`${bar.dataset.url}?${query}`).catch(() => null);
  if (answer?.ok) for (const job of Object.values(await answer.json())) show(job);
  setTimeout(poll, 1000);
}

function show(job) {
  const bar = open.get(job.job_id);
  const row = bar.closest("tr, form");
  bar.max = job.total_count || 1;
  bar.value = job.is_finished ? bar.max : job.finished_count;
  const counts = row.querySelector(".poster-counts");
  counts.textContent = [job.success_count, job.failure_count, job.cancelled_count, job.total_count].join(" / ");
  const status = row.querySelector(".poster-status");
  status.textContent = JSON.parse(bar.dataset.texts)[job.status];
  status.className = `poster-status poster-is-${job.status}`;
  if (!job.is_finished) return;
  row.querySelector(".poster-cancelling")?.remove();
  open.delete(job.job_id);
}

poll();
