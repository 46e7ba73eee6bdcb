# One image for every role and for `posters setup`; Chromium and the fonts are in it for the render role. The target `site`
# is another: the example Django site, for the profile `site` of docker-compose.yml. The target `topic-pages` serves the
# pages of the topics as a git repository, the only source from which Redpanda Console takes them.
ARG PYTHON_VERSION=3.13
ARG DEBIAN_RELEASE=trixie

FROM python:${PYTHON_VERSION}-slim-${DEBIAN_RELEASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never
WORKDIR /source
COPY scripts/requirements-uv.txt scripts/
RUN pip install --no-cache-dir --require-hashes --requirement scripts/requirements-uv.txt
COPY requirements.txt ./
RUN uv venv --python "$(command -v python3)" /opt/posters \
 && uv pip install --no-cache --python /opt/posters/bin/python --require-hashes --requirement requirements.txt
COPY . .
RUN uv build --no-cache --wheel --require-hashes --build-constraint requirements-demo.txt --out-dir /dist \
 && uv pip install --no-cache --python /opt/posters/bin/python --no-deps /dist/posterstream-*.whl \
 && /opt/posters/bin/python -m renderer.hyphenation /hyphen-data

FROM build AS build-site
RUN uv venv --python "$(command -v python3)" /opt/site \
 && uv pip install --no-cache --python /opt/site/bin/python --require-hashes --requirement requirements-demo.txt
RUN uv build --no-cache --wheel --require-hashes --build-constraint requirements-demo.txt --out-dir /dist django_posters \
 && uv pip install --no-cache --python /opt/site/bin/python --no-deps /dist/django_posters-*.whl

FROM python:${PYTHON_VERSION}-slim-${DEBIAN_RELEASE} AS site
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin site
COPY --from=build-site /opt/site /opt/site
COPY example /srv/site
ENV PATH=/opt/site/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /srv/site
ENTRYPOINT ["python", "manage.py"]
CMD ["runserver", "0.0.0.0:8000", "--noreload"]

FROM python:${PYTHON_VERSION}-slim-${DEBIAN_RELEASE} AS topic-pages
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends git \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin pages
COPY schemas/pages /srv/pages
WORKDIR /srv/pages
# Its owner is the user that serves it: git reads nobody else's repositories.
RUN git init --quiet --initial-branch=main \
 && git add . \
 && git -c user.name=posters -c user.email=posters@localhost commit --quiet --message "Topic pages" \
 && chown -R 10001:10001 /srv/pages
USER 10001:10001
ENTRYPOINT ["git", "daemon"]
CMD ["--reuseaddr", "--export-all", "--base-path=/srv", "/srv/pages"]

FROM python:${PYTHON_VERSION}-slim-${DEBIAN_RELEASE}
COPY renderer/fonts/packages.txt /usr/share/posters/fonts.txt
# No versions of packages: Debian keeps only the newest, which has the security fixes of its release.
# hadolint ignore=DL3008,SC2046
RUN apt-get update \
 && apt-get install --yes --no-install-recommends \
      chromium-headless-shell libatomic1 tini $(sed -n 's/^\(fonts-[^ ]*\) .*/\1/p' /usr/share/posters/fonts.txt) \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --create-home --shell /usr/sbin/nologin posters
COPY --from=build /opt/posters /opt/posters
COPY --from=build /hyphen-data /usr/lib/chromium/hyphen-data
ENV PATH=/opt/posters/bin:$PATH PYTHONUNBUFFERED=1
# Not root: Chromium keeps its sandbox only then (docker/chromium-seccomp.json permits it). A number, because a cluster
# that refuses root cannot tell from a name.
USER 10001:10001
WORKDIR /home/posters
# tini reaps the browser's processes and forwards signals.
ENTRYPOINT ["tini", "--", "posters"]
CMD ["worker"]
