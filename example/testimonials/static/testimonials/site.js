// What the pages do with progress: say it, and show what is there.
document.addEventListener("posters:progress", ({ target, detail: job }) => {
  target.parentElement.querySelector("output").textContent = job.is_finished
    ? `${job.success_count} of ${job.total_count} made`
    : `${job.finished_count} of ${job.total_count}`;
  const picture = document.querySelector("figure img");
  if (picture && job.url) {
    picture.src = job.url;
    picture.dataset.posterStatus = job.status;
  }
  if (!picture && job.is_finished) location.replace(location.pathname);
});
