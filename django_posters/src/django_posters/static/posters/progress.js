// Fill <progress data-posters-job="{% url 'posters:progress' job.pk %}"></progress> with the progress of a job.
for (const bar of document.querySelectorAll("[data-posters-job]")) {
  const url = bar.dataset.postersJob;
  const show = (job) => {
    bar.max = job.total_count || 1;
    bar.value = job.is_finished ? bar.max : job.finished_count;
    bar.dispatchEvent(new CustomEvent("posters:progress", { bubbles: true, detail: job }));
    return job.is_finished;
  };
  const poll = async (streams) => {
    const answer = await fetch(url).catch(() => null);
    if (answer?.ok ? show(await answer.json()) : answer && answer.status < 500) return;
    if (!streams || !answer?.headers.get("X-Posters-Events")) return setTimeout(poll, 1000, streams);
    const events = new EventSource(url + "events/");
    events.onmessage = ({ data }) => show(JSON.parse(data)) && events.close();
    events.onerror = () => events.readyState === EventSource.CLOSED && poll(false);
  };
  poll(true);
}
