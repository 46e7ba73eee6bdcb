"""The alerts: each fires on the series that it is for and on no others, in Prometheus' own evaluation."""

import json
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.monitoring.expressions import exported, names_of, of_sites
from tests.monitoring.series import RECORDED, STEP_SECONDS, Recording

ROOT: Final = Path(__file__).parents[2]
RULES: Final = ROOT / "deploy" / "prometheus" / "posters.rules.yaml"
PROMTOOL: Final = ROOT / ".parts" / "tools" / "promtool"
RUNBOOK: Final = ROOT / "docs" / "runbook.md"

GROUPS: Final = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
ALERTS: Final[dict[str, dict[str, Any]]] = {
    rule["alert"]: rule for group in GROUPS for rule in group["rules"] if "alert" in rule
}
RULES_OF_ALL: Final[list[dict[str, Any]]] = [rule for group in GROUPS for rule in group["rules"]]
WORKER: Final = 'poster_build_info{build="1"}'
UP: Final = {WORKER: "1x1440"}


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run promtool."""
    return subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True, check=False)


@dataclass(frozen=True)
class Case:
    """Series at intervals of 15 s, and the alerts that fire in a minute, with the labels that tell them apart."""

    series: dict[str, str]
    minute: int
    firing: dict[str, list[str]] = field(default_factory=dict)
    """Labels as text, such as `role="render"`, by alert."""


def as_test(case: Case) -> dict[str, Any]:
    """Return the test in promtool's format: exactly these alerts fire, and no others."""
    samples = [
        {
            "labels": "{"
            + ", ".join([*filter(None, [labels]), f'alertname="{alert}"', f'severity="{severity}"'])
            + "}",
            "value": 1,
        }
        for alert, labelled in case.firing.items()
        for labels in labelled
        for severity in [ALERTS[alert]["labels"]["severity"]]
    ]
    return {
        "interval": f"{STEP_SECONDS}s",
        "input_series": [{"series": name, "values": values} for name, values in case.series.items()],
        "promql_expr_test": [
            {
                "expr": 'max without (alertstate) (ALERTS{alertstate="firing"})',
                "eval_time": f"{case.minute}m",
                "exp_samples": samples,
            }
        ],
    }


def run(folder: Path, *tests: dict[str, Any]) -> None:
    """Run tests of promtool. Raises AssertionError with what it says."""
    file = folder / "alerts.test.yaml"
    file.write_text(
        json.dumps({"rule_files": [str(RULES)], "evaluation_interval": f"{STEP_SECONDS}s", "tests": list(tests)}),
        encoding="utf-8",
    )
    result = promtool("test", "rules", file)
    assert result.returncode == 0, result.stdout + result.stderr


ROLE = 'role="render"'
SITE = 'site="shop"'
CASES = {
    "all is well": Case(
        {
            **UP,
            "poster_consumer_lag_seconds{role='render'}": "2x240",
            "poster_consumer_lag_messages{role='render'}": "1x240",
            "poster_last_progress_timestamp_seconds{role='render'}": "0+15x240",
            "poster_waiting{role='render'}": "0x240",
            "poster_storage_breaker_open": "0x240",
            "poster_fuse_blown{role='render'}": "0x240",
            "poster_terminal_conflicts_total": "0x240",
            "poster_sink_bisections_total": "0x240",
            "poster_rebalances_total{role='render'}": "1 1x20 2x220",
            "poster_outcomes_total{status='completed',error_code=''}": "0+15x240",
            "poster_outcomes_total{status='failed',error_code='template_not_found'}": "0+15x240",
            "poster_end_to_end_seconds_bucket{kind='single',le='5.0'}": "0+1000x240",
            "poster_end_to_end_seconds_count{kind='single'}": "0+1005x240",
        },
        minute=60,
    ),
    "an idle system has nothing to do, which is no lack of progress": Case(
        {
            **UP,
            "poster_consumer_lag_messages{role='render'}": "0x240",
            "poster_last_progress_timestamp_seconds{role='render'}": "0x240",
        },
        minute=60,
    ),
    "no worker": Case({'poster_build_info{build="1"}': "1x8 stale"}, minute=8, firing={"PostersNoWorker": [""]}),
    "no worker for a moment": Case({'poster_build_info{build="1"}': "1x8 _x8 1x60"}, minute=8),
    "no worker of a role": Case(
        {**UP, f"poster_waiting{{{ROLE}}}": "1x8 stale", "poster_waiting{role='sink'}": "0x60"}, minute=8,
        firing={"PostersRoleDown": [ROLE]},
    ),
    "no worker of a role for a moment": Case({**UP, f"poster_waiting{{{ROLE}}}": "0x8 _x8 0x60"}, minute=8),
    "one of two workers of a role ends": Case(
        {**UP, f"poster_waiting{{{ROLE},instance='a'}}": "0x8 stale", f"poster_waiting{{{ROLE},instance='b'}}": "0x60"},
        minute=12,
    ),
    "the last worker of all roles ends": Case(
        {WORKER: "1x8 stale", f"poster_waiting{{{ROLE}}}": "0x8 stale", "poster_waiting{role='sink'}": "0x8 stale"},
        minute=8, firing={"PostersNoWorker": [""]},
    ),
    "a role that was taken out of use the day before": Case(
        {WORKER: "1x6000", f"poster_waiting{{{ROLE}}}": "0x8 stale"}, minute=1450
    ),
    "lag": Case(
        {**UP, f"poster_consumer_lag_seconds{{{ROLE},partition='1'}}": "0+15x60",
         f"poster_consumer_lag_seconds{{{ROLE},partition='2'}}": "1x60",
         "poster_consumer_lag_seconds{role='retry'}": "300x60"},
        minute=14, firing={"PostersLagging": [ROLE]},
    ),
    "retries wait on purpose": Case({**UP, "poster_consumer_lag_seconds{role='retry'}": "600x60"}, minute=14),
    "retries do not go on": Case(
        {**UP, "poster_consumer_lag_seconds{role='retry'}": "0+15x200"}, minute=30,
        firing={"PostersRetryLagging": ['role="retry"']},
    ),
    "no progress": Case(
        {**UP, f"poster_consumer_lag_messages{{{ROLE},partition='1'}}": "1x60",
         f"poster_last_progress_timestamp_seconds{{{ROLE}}}": "0+15x8 120x60"},
        minute=9, firing={"PostersNoProgress": [ROLE]},
    ),
    "one of two workers makes progress": Case(
        {**UP, f"poster_consumer_lag_messages{{{ROLE},partition='1'}}": "1x60",
         f"poster_last_progress_timestamp_seconds{{{ROLE},instance='a'}}": "0+15x8 120x60",
         f"poster_last_progress_timestamp_seconds{{{ROLE},instance='b'}}": "0+15x68"},
        minute=9,
    ),
    "waiting": Case({**UP, f"poster_waiting{{{ROLE}}}": "0x4 1x60"}, minute=7, firing={"PostersWaiting": [ROLE]}),
    "waiting for a minute": Case({**UP, f"poster_waiting{{{ROLE}}}": "0x4 1x4 0x60"}, minute=7),
    "storage": Case(
        {**UP, "poster_storage_breaker_open": "0x4 1x60"}, minute=4, firing={"PostersStorageUnavailable": [""]}
    ),
    "paused": Case({**UP, f"poster_fuse_blown{{{ROLE}}}": "0x4 1x60"}, minute=3, firing={"PostersRolePaused": [ROLE]}),
    "the first dead letter of a worker": Case(
        {**UP, "poster_dlq_total{role='intake',reason='invalid_request'}": "_x80 1x60"}, minute=22,
        firing={"PostersDeadLetters": ['role="intake", reason="invalid_request"']},
    ),
    "a further dead letter": Case(
        {**UP, "poster_dlq_total{role='intake',reason='invalid_request'}": "1x80 2x60"}, minute=22,
        firing={"PostersDeadLetters": ['role="intake", reason="invalid_request"']},
    ),
    "dead letters of the past": Case(
        {**UP, "poster_dlq_total{role='intake',reason='invalid_request'}": "1x200"}, minute=40,
    ),
    "a quarantined producer": Case(
        {**UP, "poster_dlq_suppressed_total{role='intake'}": "_x80 40x60"}, minute=22,
        firing={"PostersProducerQuarantined": ['role="intake"']},
    ),
    "a site that is told to be another one": Case(
        {**UP, "poster_source_mismatch_total{command='request',instance='a'}": "2x20 2+1x60",
         "poster_source_mismatch_total{command='request',instance='b'}": "_x30 1x60",
         "poster_source_mismatch_total{command='cancel',instance='a'}": "0x20 2x60"},
        minute=9, firing={"PostersSourceMismatch": ['command="request"']},
    ),
    "the first commands for another source's job that a worker sees": Case(
        {**UP, "poster_source_mismatch_total{command='template'}": "_x80 20x60"}, minute=22,
        firing={"PostersSourceMismatch": ['command="template"']},
    ),
    "a command for another source's job now and then": Case(
        {**UP, "poster_source_mismatch_total{command='erase'}": "_x20 1x20 2x20 3x60"}, minute=18
    ),
    "commands for another source's jobs in the past": Case(
        {**UP, "poster_source_mismatch_total{command='request'}": "0x20 50x200"}, minute=40
    ),
    "a conflict": Case(
        {**UP, "poster_terminal_conflicts_total": "0x20 1x60"}, minute=10, firing={"PostersConflicts": [""]}
    ),
    "rebalances": Case(
        {**UP, f"poster_rebalances_total{{{ROLE}}}": "0+1x60"}, minute=12, firing={"PostersRebalancing": [ROLE]}
    ),
    "a deployment of four": Case({**UP, f"poster_rebalances_total{{{ROLE}}}": "0x20 4x60"}, minute=9),
    "browsers that end": Case(
        {**UP, "poster_browser_restarts_total{reason='ended'}": "0 1 2 3 4 5 6x60"}, minute=5,
        firing={"PostersBrowsersEnding": [""]},
    ),
    "browsers that are worn": Case({**UP, "poster_browser_restarts_total{reason='worn'}": "0+1x60"}, minute=12),
    "failures of ours": Case(
        {**UP, "poster_outcomes_total{status='completed',error_code=''}": "0+90x120",
         "poster_outcomes_total{status='failed',error_code='upload'}": "0+10x120"},
        minute=25, firing={"PostersFailing": [""]},
    ),
    "failures of a template": Case(
        {**UP, "poster_outcomes_total{status='completed',error_code=''}": "0+50x120",
         "poster_outcomes_total{status='failed',error_code='template_error'}": "0+50x120"},
        minute=25,
    ),
    "rows that the database refuses": Case(
        {**UP, "poster_sink_bisections_total": "0x20 5x60"}, minute=10, firing={"PostersSinkRefused": [""]}
    ),
    "a fifth of single posters is slow": Case(
        {**UP, "poster_end_to_end_seconds_bucket{kind='single',le='5.0'}": "0+80x480",
         "poster_end_to_end_seconds_count{kind='single'}": "0+100x480"},
        minute=100, firing={"PostersBudgetBurnsFast": [""], "PostersBudgetBurns": [""]},
    ),
    "a tenth of single posters is slow": Case(
        {**UP, "poster_end_to_end_seconds_bucket{kind='single',le='5.0'}": "0+90x480",
         "poster_end_to_end_seconds_count{kind='single'}": "0+100x480"},
        minute=100, firing={"PostersBudgetBurns": [""]},
    ),
    "slow batches are no breach": Case(
        {**UP, "poster_end_to_end_seconds_bucket{kind='batch',le='5.0'}": "0+10x480",
         "poster_end_to_end_seconds_count{kind='batch'}": "0+100x480"},
        minute=100,
    ),
    "a relay that does not publish": Case(
        {**UP, f"django_posters_outbox_age_seconds{{{SITE}}}": "0x20 0+15x40",
         "django_posters_outbox_age_seconds{site='blog'}": "0x80"},
        minute=14, firing={"PostersOutboxWaiting": [SITE]},
    ),
    "an outbox that empties after an import": Case(
        {**UP, f"django_posters_outbox_age_seconds{{{SITE}}}": "0+15x16 0x60"}, minute=8
    ),
    "an event that the broker refuses": Case(
        {**UP, f"django_posters_outbox_refused_events{{{SITE}}}": "0x8 1x60"}, minute=3,
        firing={"PostersOutboxRefused": [SITE]},
    ),
    "a relay that is gone": Case(
        {**UP, f"django_posters_outbox_age_seconds{{{SITE}}}": "0x40 stale",
         "django_posters_outbox_age_seconds{site='blog'}": "0x200"},
        minute=16, firing={"PostersRelayDown": [SITE]},
    ),
    "a relay that starts again": Case(
        {**UP, f"django_posters_outbox_age_seconds{{{SITE}}}": "0x40 _x12 0x200"}, minute=16
    ),
    "a relay that is gone while web processes report the outbox": Case(
        {**UP, f"django_posters_outbox_age_seconds{{{SITE},instance='relay'}}": "0x40 stale",
         f"django_posters_outbox_age_seconds{{{SITE},instance='web'}}": "0x40 0+15x80"},
        minute=22, firing={"PostersOutboxWaiting": [SITE]},
    ),
    "a consumer that is gone": Case(
        {**UP, f"django_posters_consumer_lag{{{SITE},partition='0'}}": "3x40 stale",
         f"django_posters_consumer_lag{{{SITE},partition='1'}}": "0x40 stale",
         "django_posters_consumer_lag{site='blog',partition='0'}": "0x200"},
        minute=16, firing={"PostersConsumerDown": [SITE]},
    ),
    "one of two consumers ends, and the other takes its partitions": Case(
        {**UP, f"django_posters_consumer_lag{{{SITE},partition='0',instance='a'}}": "3x40 stale",
         f"django_posters_consumer_lag{{{SITE},partition='1',instance='b'}}": "0x200",
         f"django_posters_consumer_lag{{{SITE},partition='0',instance='b'}}": "_x44 0x160"},
        minute=16,
    ),
    "a site that does not read": Case(
        {**UP, f"django_posters_consumer_lag{{{SITE},partition='0'}}": "400x100",
         f"django_posters_consumer_lag{{{SITE},partition='1'}}": "0+20x100"},
        minute=20, firing={"PostersSiteLagging": [SITE]},
    ),
    "a site that catches up": Case({**UP, f"django_posters_consumer_lag{{{SITE}}}": "9000-50x100"}, minute=20),
}  # fmt: skip


def test_rules_are_valid() -> None:
    """`promtool check rules` accepts the file."""
    result = promtool("check", "rules", RULES)

    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("name", CASES)
def test_exactly_the_alerts_of_a_case_fire(name: str, tmp_path: Path) -> None:
    """The alert fires when it should, and nothing else does."""
    run(tmp_path, as_test(CASES[name]))


def test_every_alert_has_a_case_in_which_it_fires() -> None:
    """No alert is untried."""
    assert {alert for case in CASES.values() for alert in case.firing} == ALERTS.keys()


@pytest.mark.parametrize(
    "rule",
    RULES_OF_ALL,
    ids=lambda rule: rule.get("alert", rule.get("record")),
)
def test_rule_names_only_metrics_that_exist(rule: dict[str, Any]) -> None:
    """Every metric of an expression is exported by a worker or a site, or recorded by another rule."""
    recorded = {each["record"] for each in RULES_OF_ALL if "record" in each}

    assert names_of(rule["expr"]) <= exported() | of_sites() | recorded


def test_runbook_has_every_alert_and_no_other() -> None:
    """Each alert leads to a section of the runbook that says what it means, what to look at and what to do."""
    text = RUNBOOK.read_text(encoding="utf-8")
    sections = dict(re.findall(r"^### (Posters\w+)\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL))

    assert sections.keys() == ALERTS.keys()
    for alert, section in sections.items():
        assert ALERTS[alert]["annotations"]["runbook"] == f"docs/runbook.md#{alert.lower()}"
        assert re.findall(r"^\*\*(.*?)\.\*\*", section, re.MULTILINE) == ["Meaning", "Look at", "Do"]


def test_alerts_fire_on_the_series_of_injected_faults(tmp_path: Path) -> None:
    """A recording of real faults raises the alerts that they are for, and none before the first fault."""
    recording = Recording.of_text(RECORDED.read_text(encoding="utf-8"))
    marks = recording.marks
    # The load has bad records from the beginning: they become dead letters, and each of them has an alert.
    firing = 'count by (alertname) (ALERTS{alertstate="firing",alertname!="PostersDeadLetters"})'

    def expected(minute: float, *alerts: str) -> dict[str, Any]:
        # Others may fire as well: a fault rarely has one effect.
        wanted = "|".join(alerts)
        return {
            "expr": f'count(count by (alertname) (ALERTS{{alertstate="firing",alertname=~"{wanted}"}}))',
            "eval_time": f"{minute * 60:.0f}s",
            "exp_samples": [{"labels": "{}", "value": len(alerts)}],
        }

    run(
        tmp_path,
        {
            "interval": f"{STEP_SECONDS}s",
            "input_series": recording.to_promtool(),
            "promql_expr_test": [
                {"expr": firing, "eval_time": f"{marks['storage unavailable'] * 60:.0f}s", "exp_samples": []},
                expected(marks["storage unavailable"] + 4, "PostersStorageUnavailable"),
                expected(
                    marks["storage available"], "PostersStorageUnavailable", "PostersWaiting", "PostersLagging",
                    "PostersNoProgress",
                ),
                expected(marks["bad records of one producer"] + 1, "PostersProducerQuarantined", "PostersDeadLetters"),
                expected(marks["worker killed"], "PostersBrowsersEnding"),
            ],
        },
    )  # fmt: skip
