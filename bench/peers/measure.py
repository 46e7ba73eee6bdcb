"""puppeteer-cluster in each of its modes, then the best of them in turns with backlogs of ours."""

import asyncio
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.baselines.documents import DOCUMENTS, HEIGHT, WIDTH
from bench.counts import Counts
from bench.peers.install import PeersError, install, version
from bench.report.results import Peer, Peers
from bench.site import Site, running_site
from renderer.browser.chromium import find_chromium, may_sandbox

MODES: Final = ("CONTEXT", "PAGE", "BROWSER")
WORKERS: Final = (2, 3, 4)
WARM_UP: Final = 8
TIMEOUT_SECONDS: Final = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """puppeteer-cluster with one document, on the Chromium that we use."""

    directory: Path
    binary: str
    html: str

    def rate(self, mode: str, workers: int, posters: int, *, quick: bool = False) -> float:
        """Return how many posters a second it draws. Raises PeersError."""
        asked = {
            "binary": self.binary,
            "mode": mode,
            "workers": workers,
            "html": self.html,
            "warmUp": min(WARM_UP, posters),
            "posters": posters,
            "width": WIDTH,
            "height": HEIGHT,
            "quick": quick,
            "sandbox": may_sandbox(),
        }
        done = subprocess.run(
            ["node", "cluster.mjs"],
            cwd=self.directory,
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_SECONDS,
        )
        if done.returncode != 0:
            raise PeersError(f"puppeteer-cluster failed with {workers} workers in mode {mode}:\n{done.stderr[-2000:]}")
        return float(json.loads(done.stdout.splitlines()[-1])["rate"])


async def measure(counts: Counts) -> Peers:
    """Measure both documents."""
    directory = await asyncio.to_thread(install)
    binary = str(find_chromium(None))
    documents = {}
    async with running_site() as site:
        for name, html in DOCUMENTS.items():
            cluster = Cluster(directory=directory, binary=binary, html=html)
            documents[name] = await asyncio.to_thread(_compared, site, cluster, counts)
    return Peers(version=version(), documents=documents)


def _compared(site: Site, cluster: Cluster, counts: Counts) -> Peer:
    tried = {
        f"{mode} × {workers}": (cluster.rate(mode, workers, counts.few), mode, workers)
        for mode in MODES
        for workers in WORKERS
    }
    best = max(tried, key=lambda name: tried[name][0])
    _, mode, workers = tried[best]
    template = site.upload(cluster.html)
    site.backlog(template, 20)
    peer = Peer(modes={name: rate for name, (rate, *_) in tried.items()}, best=best, rates=[], quick=[], ours=[])
    for _ in range(counts.rounds):
        peer.rates.append(cluster.rate(mode, workers, counts.beside))
        peer.ours.append(site.backlog(template, counts.beside).between)
        site.wait_until_done()
        peer.quick.append(cluster.rate(mode, workers, counts.beside, quick=True))
    return peer
